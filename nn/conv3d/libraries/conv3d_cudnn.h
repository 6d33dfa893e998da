// What conv3d_cudnn.cpp and conv3d_cudnn_graph.cpp share.
#pragma once

#include <algorithm>
#include <initializer_list>

#include "nn/conv3d/cuda/conv3d_helpers.h"
#include "tensor/rehearsal.h"
#include "tensor/vendor/cudnn_api.h"

namespace primal::cuda {

// Depth 1 everywhere is a convolution of pictures, for which cuDNN has more algorithms.
template <class X, class W>
bool is_flat(const X& x, const W& weight, const Conv3dParams& params) {
  return x.size(2) == 1 && weight.size(2) == 1 && params.padding[0] == 0;
}

// cuDNN describes tensors in int: extents, strides and so the number of elements.
inline bool conv3d_fits_int(const Conv3dGeometry& g) {
  Shape y = g.x.with(1, g.weight[0]);
  for (int axis = 0; axis < 3; ++axis) {
    const auto a = static_cast<size_t>(axis);
    const int64_t padded = g.x[axis + 2] + 2 * g.params.padding[a];
    y = y.with(axis + 2, (padded - g.weight[axis + 2]) / g.params.stride[a] + 1);
  }
  return std::ranges::all_of(std::initializer_list<Shape>{g.x, g.weight, y}, [](const Shape& shape) {
    return shape.numel() > 0 && shape.numel() < int64_t{1} << 31;
  });
}

// Every call of cuDNN's that launches kernels goes through here: call() returns its status. A
// rehearsal leaves it out.
template <class Call>
void cudnn_compute(const char* what, const Call& call) {
  unless_rehearsing([&] { cudnn_check(call(), what); });
}

// Convolution, bias and activation in one of cuDNN's kernels. False, and nothing done, where it has none that
// may run.
bool conv3d_forward_by_graph(const Exec& exec, const ChannelParts<const float>& x, View5<const float> weight,
                             View<const float, 1> bias, const Conv3dParams& params, float slope,
                             View5<float> y);

}  // namespace primal::cuda
