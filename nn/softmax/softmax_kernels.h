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

// For f32 and f64 (softmax_op.cpp).
template <class T>
std::span<const DeviceKernels<SoftmaxKernels<T>>> softmax_kernels();
template <>
std::span<const DeviceKernels<SoftmaxKernels<float>>> softmax_kernels<float>();
template <>
std::span<const DeviceKernels<SoftmaxKernels<double>>> softmax_kernels<double>();

namespace cpu {

template <class T>
void softmax_forward(const Exec& exec, View<const T, 3> x, View<T, 3> y);
template <class T>
void softmax_backward(const Exec& exec, View<const T, 3> y, View<const T, 3> grad_y, View<T, 3> grad_x);

}  // namespace cpu

PRIMAL_DEVICE_KERNELS(SoftmaxKernels<float>, softmax_columns);  // softmax_cuda.cu

}  // namespace primal
