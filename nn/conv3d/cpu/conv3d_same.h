// The convolutions that blocked, winograd and winograd_volume compute. They have stride 1 and a (1,3,3)
// kernel with padding (0,1,1), a (3,3,3) kernel with padding (1,1,1), or a (1,1,1) kernel without padding, so
// that the result has the extents of the input ("same" padding).
#pragma once

#include <array>
#include <cstdint>

#include "nn/conv3d/conv3d_channel_parts.h"

namespace primal::cpu {

// Images [n,c,d,h,w] that become [n,o,d,h,w].
struct SameShape {
  int64_t n = 0, c = 0, o = 0, d = 0, h = 0, w = 0;
  int64_t side = 0;  // of the kernel along H and W: 1 or 3
  int64_t taps = 0;  // of the kernel: 1, 9 or 27
};

// A (1,1,1) kernel looks at no neighbours, so a channel's whole volume then counts as a single long row.
inline SameShape same_shape(const std::array<int64_t, 5>& extent, int64_t n_in, int64_t n_out, int64_t side,
                            int64_t taps) {
  const int64_t n = extent[0], d = extent[2], h = extent[3], w = extent[4];
  if (side == 1) return {n, n_in, n_out, 1, 1, d * h * w, side, taps};
  return {n, n_in, n_out, d, h, w, side, taps};
}

// out[n,o,d,h,w] = leaky_relu(bias[o] + sum over c and the taps of w(o, c, tap) in[n,c,d,...]), or without
// bias and activation added onto what out holds.
struct SameConvolution : SameShape {
  ChannelParts<const float> in{};  // [N,C,D,H,W]
  MaskedGradient<float> mask{};    // in, where that is a gradient
  const float* bias = nullptr;     // [O] or null
  ChannelParts<float> out{};       // [N,O,D,H,W]
  bool add = false;
  float slope = 1.0f;  // of the activation; 1: none

  const float* weight = nullptr;
  int64_t stride_o = 0, stride_c = 0;
  bool flipped = false;  // taps in reverse
  float weight_of(int64_t to, int64_t from, int64_t tap) const {
    return weight[to * stride_o + from * stride_c + (flipped ? taps - 1 - tap : tap)];
  }
};

inline int64_t taps_of(View5<const float> weight) { return weight.size(2) * weight.size(3) * weight.size(4); }

// y = leaky_relu(bias + weight * x), weight [O,C,1,side,side] or [O,C,3,3,3]
inline SameConvolution forward_convolution(const ChannelParts<const float>& x, View5<const float> weight,
                                           View<const float, 1> bias, float slope, View5<float> y) {
  SameConvolution q{same_shape(y.extent, x.count(), y.size(1), weight.size(4), taps_of(weight))};
  q.in = x;
  q.bias = bias.data;
  q.out = {y};
  q.slope = slope;
  q.weight = weight.data;
  q.stride_c = q.taps;
  q.stride_o = q.c * q.stride_c;
  return q;
}

// Its adjoint in x: the same convolution from the O channels of weight to its C, with the kernel flipped.
inline SameConvolution backward_data_convolution(const MaskedGradient<float>& grad_y,
                                                 View5<const float> weight, bool add,
                                                 const ChannelParts<float>& grad_x) {
  const View5<const float>& from = grad_y.grad;
  SameConvolution q{same_shape(from.extent, from.size(1), grad_x.count(), weight.size(4), taps_of(weight))};
  q.in = {from};
  q.mask = grad_y;
  q.out = grad_x;
  q.add = add;
  q.weight = weight.data;
  q.stride_o = q.taps;
  q.stride_c = q.o * q.stride_o;
  q.flipped = true;
  return q;
}

// Its adjoint in weight and bias: grad_weight[o,c,tap] += sum over n,d,h,w of grad_y[n,o,d,h,w] x[n,c,d,...],
// grad_bias[o] += sum over n,d,h,w of grad_y[n,o,d,h,w].
struct SameWeightGradient : SameShape {
  ChannelParts<const float> x{};   // [N,C,D,H,W]
  MaskedGradient<float> grad_y{};  // [N,O,D,H,W]
  float* grad_weight = nullptr;    // [O,C,taps] or null
  float* grad_bias = nullptr;      // [O] or null
};

inline SameWeightGradient weight_gradient(const ChannelParts<const float>& x,
                                          const MaskedGradient<float>& grad_y, View5<float> grad_weight,
                                          View<float, 1> grad_bias) {
  const View5<const float>& from = grad_y.grad;
  const bool wanted = grad_weight.data != nullptr;  // a bias has no neighbours
  const int64_t side = wanted ? grad_weight.size(4) : 1,
                taps = wanted ? grad_weight.size(2) * side * side : 1;
  SameWeightGradient q{same_shape(from.extent, x.count(), from.size(1), side, taps)};
  q.x = x;
  q.grad_y = grad_y;
  q.grad_weight = grad_weight.data;
  q.grad_bias = grad_bias.data;
  return q;
}

}  // namespace primal::cpu
