// What conv3d_cudnn.cpp and conv3d_cudnn_graph.cpp share.
#pragma once

#include "nn/conv3d/conv3d_kernels.h"

namespace primal::cuda {

// Depth 1 everywhere is a convolution of pictures, for which cuDNN has more algorithms.
template <class X, class W>
bool is_flat(const X& x, const W& weight, const Conv3dParams& params) {
  return x.size(2) == 1 && weight.size(2) == 1 && params.padding[0] == 0;
}

// Convolution, bias and activation in one of cuDNN's kernels. False, and nothing done, where it has none that may run.
bool conv3d_forward_by_graph(const Exec& exec, const Channels<const float>& x, View5<const float> weight,
                             View<const float, 1> bias, const Conv3dParams& params, float slope,
                             View5<float> y);

}  // namespace primal::cuda
