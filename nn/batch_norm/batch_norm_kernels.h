// Kernels of nn/batch_norm: equations in batch_norm.h. x is seen as [N,C,S]; per-channel numbers are doubles.
#pragma once

#include <span>

#include "nn/batch_norm/batch_norm.h"
#include "tensor/exec.h"

namespace primal::cpu {

// x [N,C,S] -> mean [C], var [C] (divided by M = N S)
template <class T>
void batch_norm_statistics(const Exec& exec, View<const T, 3> x, std::span<double> mean,
                           std::span<double> var);

// y = x scale + shift, with one number of each per channel
template <class T>
void batch_norm_forward(const Exec& exec, View<const T, 3> x, std::span<const double> scale,
                        std::span<const double> shift, View<T, 3> y);

// What a channel of the backward needs: mean, r = 1 / sqrt(var + eps), weight.
struct BatchNormSaved {
  std::span<const double> mean, r, weight;  // [C]
};

// Adds into those of grad_x, grad_weight, grad_bias that have data.
template <class T>
void batch_norm_backward(const Exec& exec, View<const T, 3> x, const BatchNormSaved& saved, bool training,
                         View<const T, 3> grad_y, View<T, 3> grad_x, std::span<T> grad_weight,
                         std::span<T> grad_bias);

}  // namespace primal::cpu
