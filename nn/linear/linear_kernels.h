// Kernels of nn/linear: equations in linear.h, with the leading axes of x taken together as N.
#pragma once

#include <span>

#include "tensor/exec.h"
#include "tensor/op/implementation.h"
#include "tensor/view.h"

namespace primal {

template <class T>
struct LinearKernels {
  // x [N,C], weight [O,C], bias [O] or empty -> y [N,O]
  void (*forward)(const Exec& exec, View<const T, 2> x, View<const T, 2> weight, std::span<const T> bias,
                  View<T, 2> y);
  // grad_x [N,C] += grad_y [N,O] weight [O,C]
  void (*backward_x)(const Exec& exec, View<const T, 2> grad_y, View<const T, 2> weight, View<T, 2> grad_x);
  // grad_weight [O,C] += grad_y' [O,N] x [N,C]
  void (*backward_weight)(const Exec& exec, View<const T, 2> grad_y, View<const T, 2> x,
                          View<T, 2> grad_weight);
  // grad_bias [O] += sum over n of grad_y [N,O]
  void (*backward_bias)(const Exec& exec, View<const T, 2> grad_y, std::span<T> grad_bias);
};

// For f32 and f64 (linear_op.cpp).
template <class T>
std::span<const DeviceKernels<LinearKernels<T>>> linear_kernels();
template <>
std::span<const DeviceKernels<LinearKernels<float>>> linear_kernels<float>();
template <>
std::span<const DeviceKernels<LinearKernels<double>>> linear_kernels<double>();

namespace cpu {

template <class T>
void linear_forward(const Exec& exec, View<const T, 2> x, View<const T, 2> weight, std::span<const T> bias,
                    View<T, 2> y);
template <class T>
void linear_backward_x(const Exec& exec, View<const T, 2> grad_y, View<const T, 2> weight, View<T, 2> grad_x);
template <class T>
void linear_backward_weight(const Exec& exec, View<const T, 2> grad_y, View<const T, 2> x,
                            View<T, 2> grad_weight);
template <class T>
void linear_backward_bias(const Exec& exec, View<const T, 2> grad_y, std::span<T> grad_bias);

}  // namespace cpu

PRIMAL_DEVICE_KERNELS(LinearKernels<float>, linear_tiled);  // linear_cuda.cu

}  // namespace primal
