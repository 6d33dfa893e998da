// Kernels of nn/activation: equations in activation.h. Backward reads y, not x.
#pragma once

#include <span>

#include "nn/activation/activation_params.h"
#include "tensor/exec.h"

namespace primal::cpu {

template <class T>
void activation_forward(const Exec& exec, std::span<const T> x, const ActivationParams& params,
                        std::span<T> y);

// grad_x += grad_y dy/dx
template <class T>
void activation_backward(const Exec& exec, std::span<const T> y, std::span<const T> grad_y,
                         const ActivationParams& params, std::span<T> grad_x);

}  // namespace primal::cpu

// activation_cuda.cu, on a device and on its emulation; float only.
namespace primal::cuda {

template <class T>
void activation_forward(std::span<const T> x, const ActivationParams& params, std::span<T> y);
template <class T>
void activation_backward(std::span<const T> y, std::span<const T> grad_y, const ActivationParams& params,
                         std::span<T> grad_x);

}  // namespace primal::cuda

namespace primal::simt {

template <class T>
void activation_forward(std::span<const T> x, const ActivationParams& params, std::span<T> y);
template <class T>
void activation_backward(std::span<const T> y, std::span<const T> grad_y, const ActivationParams& params,
                         std::span<T> grad_x);

}  // namespace primal::simt
