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

template <class T>
using AdamImplementation = Implementation<OnlyShape, AdamKernels<T>>;
extern const Ladder<AdamImplementation> adam_ladder;  // adam_op.cpp

namespace cpu {
extern const AdamImplementation<float> adam_reference_f32;
extern const AdamImplementation<double> adam_reference_f64;
}  // namespace cpu
PRIMAL_DEVICE_KERNELS(AdamImplementation<float>, adam_chunks);  // adam_cuda.cu

}  // namespace primal
