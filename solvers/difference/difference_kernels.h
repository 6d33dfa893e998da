// Signatures of the difference kernels: *_forward write their result, *_backward add into the gradient.
#pragma once

#include "solvers/difference/axes.h"
#include "tensor/exec.h"
#include "tensor/op/implementation.h"
#include "tensor/view.h"

namespace primal {

// The four as one set: G x written and added, G' q written and added.
template <class T>
struct DifferenceKernels {
  using Kernel = void (*)(const Exec&, View5<const T> from, const Axes&, View5<T> to);
  Kernel gradient_forward, gradient_adjoint_backward;
  Kernel gradient_adjoint_forward, gradient_backward;
};

// For f32 and f64 (difference_op.cpp).
template <class T>
std::span<const DeviceKernels<DifferenceKernels<T>>> difference_kernels();
template <>
std::span<const DeviceKernels<DifferenceKernels<float>>> difference_kernels<float>();
template <>
std::span<const DeviceKernels<DifferenceKernels<double>>> difference_kernels<double>();

namespace cpu {

// y = G x:   x [N,1,D,H,W] -> y [N,A,D,H,W]
template <class T>
void gradient_forward(const Exec& exec, View5<const T> x, const Axes& axes, View5<T> y);
// grad_x += G' grad_y
template <class T>
void gradient_backward(const Exec& exec, View5<const T> grad_y, const Axes& axes, View5<T> grad_x);

// y = G' q:   q [N,A,D,H,W] -> y [N,1,D,H,W]
template <class T>
void gradient_adjoint_forward(const Exec& exec, View5<const T> q, const Axes& axes, View5<T> y);
// grad_q += G grad_y
template <class T>
void gradient_adjoint_backward(const Exec& exec, View5<const T> grad_y, const Axes& axes, View5<T> grad_q);

}  // namespace cpu

PRIMAL_DEVICE_KERNELS(DifferenceKernels<float>, difference_elementwise);  // difference_cuda.cu

}  // namespace primal
