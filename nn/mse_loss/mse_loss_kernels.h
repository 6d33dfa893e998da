// Kernels of nn/mse_loss: equation in mse_loss.h.
#pragma once

#include <span>

#include "nn/mse_loss/mse_loss.h"
#include "tensor/exec.h"

namespace primal::cpu {

// Returns the mean of the squared differences.
template <class T>
double mse_loss_forward(const Exec& exec, std::span<const T> x, std::span<const T> target);

// grad += factor (x - target): factor 2/n grad_y for x, -2/n grad_y for the target.
template <class T>
void mse_loss_backward(const Exec& exec, std::span<const T> x, std::span<const T> target, double factor,
                       std::span<T> grad);

}  // namespace primal::cpu
