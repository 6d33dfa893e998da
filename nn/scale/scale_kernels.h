// Kernels of nn/scale: equation in scale.h.
#pragma once

#include <span>

#include "tensor/exec.h"
#include "tensor/op/implementation.h"

namespace primal {

template <class T>
struct ScaleKernels {
  void (*forward)(const Exec& exec, std::span<const T> x, double a, std::span<T> y);  // y = a x
  void (*backward)(const Exec& exec, std::span<const T> grad_y, double a,
                   std::span<T> grad_x);  // += a grad_y
};

// For f32 and f64 (scale_op.cpp).
template <class T>
std::span<const DeviceKernels<ScaleKernels<T>>> scale_kernels();
template <>
std::span<const DeviceKernels<ScaleKernels<float>>> scale_kernels<float>();
template <>
std::span<const DeviceKernels<ScaleKernels<double>>> scale_kernels<double>();

namespace cpu {

template <class T>
void scale_forward(const Exec& exec, std::span<const T> x, double a, std::span<T> y);
template <class T>
void scale_backward(const Exec& exec, std::span<const T> grad_y, double a, std::span<T> grad_x);

}  // namespace cpu

PRIMAL_DEVICE_KERNELS(ScaleKernels<float>, scale_elementwise);  // scale_cuda.cu

}  // namespace primal
