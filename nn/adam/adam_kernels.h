// Kernel of nn/adam: equations in adam.h.
#pragma once

#include <cmath>
#include <span>

#include "nn/adam/adam_params.h"
#include "tensor/exec.h"
#include "tensor/op/implementation.h"

namespace primal {

// One parameter x with its gradient and moments, all of the same size; v_max is empty without amsgrad.
template <class T>
struct AdamSlot {
  std::span<const T> grad;
  std::span<T> x, m, v, v_max;
};

// The numbers of step t >= 1. Corrections for the first steps are computed in double.
template <class T>
struct AdamFactors {
  T step_size, root, beta1, rest1, beta2, rest2, decay, eps;

  AdamFactors(const AdamParams& params, int64_t t)
      : step_size(static_cast<T>(params.lr / (1.0 - std::pow(params.beta1, static_cast<double>(t))))),
        root(static_cast<T>(std::sqrt(1.0 - std::pow(params.beta2, static_cast<double>(t))))),
        beta1(static_cast<T>(params.beta1)),
        rest1(static_cast<T>(1.0 - params.beta1)),
        beta2(static_cast<T>(params.beta2)),
        rest2(static_cast<T>(1.0 - params.beta2)),
        decay(static_cast<T>(params.weight_decay)),
        eps(static_cast<T>(params.eps)) {}
};

template <class T>
struct AdamKernels {
  // Step t of all parameters.
  void (*step)(const Exec& exec, std::span<const AdamSlot<T>> slots, const AdamParams& params, int64_t t);
};

// For f32 and f64 (adam_op.cpp).
template <class T>
std::span<const DeviceKernels<AdamKernels<T>>> adam_kernels();
template <>
std::span<const DeviceKernels<AdamKernels<float>>> adam_kernels<float>();
template <>
std::span<const DeviceKernels<AdamKernels<double>>> adam_kernels<double>();

namespace cpu {

template <class T>
void adam_step(const Exec& exec, std::span<const AdamSlot<T>> slots, const AdamParams& params, int64_t t);

}  // namespace cpu

PRIMAL_DEVICE_KERNELS(AdamKernels<float>, adam_chunks);  // adam_cuda.cu

}  // namespace primal
