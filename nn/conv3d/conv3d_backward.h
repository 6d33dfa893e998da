// The backward pass of a call of conv3d, plain or fused: the two phases in the order that their
// implementation needs.
//
//   apart      backward_data, then backward_weights
//   together   where one implementation computes both and has the functions for it (Conv3dKernels):
//              begin_weights, then data_and_sums, which also adds the parts that begin_weights left
#pragma once

#include "nn/conv3d/conv3d_kernels.h"
#include "tensor/op/door.h"

namespace primal {

// Where the gradient of x goes, and whether it is added to what lies there.
template <class T>
struct Conv3dGradX {
  ChannelParts<T> parts;
  bool add = true;
};
// Where the gradients of weight and bias go; null data: not wanted.
template <class T>
struct Conv3dGradWeights {
  View5<T> weight = {};
  View<T, 1> bias = {};
};

// The phases have kernels where their gradients are wanted: `of_x`, `of_weights`. The functions are called
// within them:
// x() gives ChannelParts<const T>, weight() a View5<const T>, to_x(kernels) a Conv3dGradX<T>,
// to_weights() a Conv3dGradWeights<T>.
template <class T, class X, class Weight, class ToX, class ToWeights>
void conv3d_backward(const Phase<Conv3dKernels<T>>& data, const Phase<Conv3dKernels<T>>& weights, bool of_x,
                     bool of_weights, const MaskedGradient<T>& grad_y, const Conv3dParams& params, const X& x,
                     const Weight& weight, const ToX& to_x, const ToWeights& to_weights) {
  const bool together =
      of_x && of_weights && &data.kernels() == &weights.kernels() && data.kernels().begin_weights != nullptr;
  Conv3dWeightParts<T> left;
  const auto run_weights = [&] {
    weights([&](const Exec& exec, const Conv3dKernels<T>& kernels) {
      const Conv3dGradWeights<T> to = to_weights();
      if (together) {
        left = kernels.begin_weights(exec, x(), grad_y, params, to.weight, to.bias);
      } else {
        kernels.backward_weights(exec, x(), grad_y, params, to.weight, to.bias);
      }
    });
  };
  if (together) run_weights();
  if (of_x) {
    data([&](const Exec& exec, const Conv3dKernels<T>& kernels) {
      const Conv3dGradX<T> to = to_x(kernels);
      if (together) {
        kernels.data_and_sums(exec, grad_y, weight(), params, to.add, to.parts, left);
      } else {
        kernels.backward_data(exec, grad_y, weight(), params, to.add, to.parts);
      }
    });
  }
  if (of_weights && !together) run_weights();
}

}  // namespace primal
