// Kernels of nn/activation: equations in activation.h. Backward reads y, not x.
#pragma once

#include <span>

#include "nn/activation/activation_params.h"
#include "tensor/exec.h"
#include "tensor/op/implementation.h"

namespace primal {

template <class T>
struct ActivationKernels {
  void (*forward)(const Exec& exec, std::span<const T> x, const ActivationParams& params, std::span<T> y);
  // grad_x += grad_y dy/dx
  void (*backward)(const Exec& exec, std::span<const T> y, std::span<const T> grad_y,
                   const ActivationParams& params, std::span<T> grad_x);
};

// For f32 and f64 (activation_op.cpp).
template <class T>
std::span<const DeviceKernels<ActivationKernels<T>>> activation_kernels();
template <>
std::span<const DeviceKernels<ActivationKernels<float>>> activation_kernels<float>();
template <>
std::span<const DeviceKernels<ActivationKernels<double>>> activation_kernels<double>();

namespace cpu {

template <class T>
void activation_forward(const Exec& exec, std::span<const T> x, const ActivationParams& params,
                        std::span<T> y);
template <class T>
void activation_backward(const Exec& exec, std::span<const T> y, std::span<const T> grad_y,
                         const ActivationParams& params, std::span<T> grad_x);

}  // namespace cpu

PRIMAL_DEVICE_KERNELS(ActivationKernels<float>, activation_elementwise);  // activation_cuda.cu

}  // namespace primal
