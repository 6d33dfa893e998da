// ChannelParts and MaskedGradient (conv3d_channel_parts.h) as kernels take them. Included by .cu files alone.
#pragma once

#include "nn/conv3d/conv3d_channel_parts.h"
#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {

// The channels [begin, begin + count) of all: those that one tensor, data [N,count,D,H,W], has.
template <class T>
struct ChannelRange {
  Global<T> data;
  int64_t begin, count;

  __device__ int64_t end() const { return begin + count; }
  // Where the [D,H,W] of a channel begins in data; `volume` is their product.
  __device__ int64_t at(int64_t image, int64_t channel, int64_t volume) const {
    return (image * count + channel - begin) * volume;
  }
};

template <class T>
struct GlobalChannelParts {
  ChannelRange<T> first, second;  // second: maybe none

  // The range that has the channel. Member by member: of a choice between structs, nvcc forgets
  // that data is global memory.
  __device__ ChannelRange<T> of(int64_t channel) const {
    const bool is_second = channel >= second.begin;
    return {is_second ? second.data : first.data, is_second ? second.begin : first.begin,
            is_second ? second.count : first.count};
  }
};

template <class T>
GlobalChannelParts<T> global(const ChannelParts<T>& channels) {
  const int64_t n_first = channels.first.size(1);
  return {{global(channels.first).data, 0, n_first},
          {global(channels.second).data, n_first, channels.second.size(1)}};
}

// y of u, and the gradient of u from that of y: nothing but grad where there is no y. The gradient's factor
// depends on y > 0 and on nothing else, so that the results are those of nn/activation.
__device__ inline float leaky_relu(float u, float slope) { return u > 0.0f ? u : slope * u; }

struct Mask {
  Global<const float> y;
  float slope;
  bool has_y;

  // Element i of the gradient is `grad`.
  __device__ float of(int64_t i, float grad) const { return !has_y || y[i] > 0.0f ? grad : slope * grad; }
};

inline Mask mask_of(const MaskedGradient<float>& grad_y) {
  const View5<const float> y{grad_y.y, grad_y.grad.extent};
  return {global(y).data, grad_y.slope, grad_y.y != nullptr};
}

}  // namespace primal::PRIMAL_SIMT
