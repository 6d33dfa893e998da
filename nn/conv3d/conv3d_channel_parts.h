// ChannelParts: the channels of one tensor, or of two as if they had been concatenated. The decoder of a
// U-Net convolves [skip, upsampled]; read this way, the concatenation need not exist.
#pragma once

#include <cstdint>

#include "tensor/view.h"

namespace primal {

template <class T>
struct ChannelParts {
  View5<T> first;     // [N,C1,D,H,W]
  View5<T> second{};  // [N,C2,D,H,W], or nothing

  int64_t count() const { return first.size(1) + second.size(1); }
  // Channel c of sample n: its [D,H,W].
  T* volume(int64_t n, int64_t c) const {
    const View5<T>& of = c < first.size(1) ? first : second;
    const int64_t channel = c < first.size(1) ? c : c - first.size(1);
    return of.data + (n * of.size(1) + channel) * of.size(2) * of.size(3) * of.size(4);
  }
};

// A gradient of y = leaky_relu(u), read as that of u: times 1 where y > 0, times slope elsewhere. Without y
// as it is.
template <class T>
struct MaskedGradient {
  View5<const T> grad;  // [N,O,D,H,W]
  const T* y = nullptr;
  T slope = T(1);

  // The element of y that belongs to one of grad.
  const T* mask_of(const T* at) const { return y != nullptr ? y + (at - grad.data) : nullptr; }
};

}  // namespace primal
