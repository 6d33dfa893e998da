// Kernels of nn/softmax: equations in softmax.h. Tensors are seen as [n_outer, K, n_inner], K the axis.
#pragma once

#include <span>

#include "tensor/exec.h"
#include "tensor/op/implementation.h"
#include "tensor/view.h"

namespace primal {

template <class T>
struct SoftmaxKernels {
  void (*forward)(const Exec& exec, View<const T, 3> x, View<T, 3> y);
  // grad_x += y (grad_y - sum of y grad_y along the axis)
  void (*backward)(const Exec& exec, View<const T, 3> y, View<const T, 3> grad_y, View<T, 3> grad_x);
};

template <class T>
using SoftmaxImplementation = Implementation<OnlyShape, SoftmaxKernels<T>>;
extern const Ladder<SoftmaxImplementation> softmax_ladder;  // softmax_op.cpp

namespace cpu {
extern const SoftmaxImplementation<float> softmax_reference_f32;
extern const SoftmaxImplementation<double> softmax_reference_f64;
}  // namespace cpu
PRIMAL_DEVICE_KERNELS(SoftmaxImplementation<float>, softmax_columns);  // softmax_cuda.cu

}  // namespace primal
