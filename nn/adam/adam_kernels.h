// Kernel of nn/adam: equations in adam.h.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
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

// What depends on the step t >= 1: lr / (1 - beta1^t) and sqrt(1 - beta2^t).
inline std::array<double, 2> adam_factors(const AdamParams& params, int64_t t) {
  return {params.lr / (1.0 - std::pow(params.beta1, static_cast<double>(t))),
          std::sqrt(1.0 - std::pow(params.beta2, static_cast<double>(t)))};
}

// The numbers of step t >= 1. Corrections for the first steps are computed in double.
template <class T>
struct AdamFactors {
  T step_size, root, beta1, rest1, beta2, rest2, decay, eps;

  AdamFactors(const AdamParams& params, int64_t t) : AdamFactors(params, adam_factors(params, t)) {}
  AdamFactors(const AdamParams& params, const std::array<double, 2>& of_step)
      : step_size(static_cast<T>(of_step[0])),
        root(static_cast<T>(of_step[1])),
        beta1(static_cast<T>(params.beta1)),
        rest1(static_cast<T>(1.0 - params.beta1)),
        beta2(static_cast<T>(params.beta2)),
        rest2(static_cast<T>(1.0 - params.beta2)),
        decay(static_cast<T>(params.weight_decay)),
        eps(static_cast<T>(params.eps)) {}
};

// What a recorded step reads when it runs, where the parameters live.
struct AdamNow {
  std::span<const double> factors;  // [2]: step_size and root of AdamFactors, in double
  std::span<const int32_t> skip;    // [1]: not 0: nothing changes
};

template <class T>
struct AdamKernels {
  // Step t of all parameters.
  void (*step)(const Exec& exec, std::span<const AdamSlot<T>> slots, const AdamParams& params, int64_t t);
  // The same with the numbers of the step from `now`; lr is not read.
  void (*step_now)(const Exec& exec, std::span<const AdamSlot<T>> slots, const AdamParams& params,
                   const AdamNow& now);
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
