// Where the sums for the gradients of the steps go in the end: sigma is step 0, tau 1 and theta 2.
#pragma once

#include <array>

#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {

// Something for each of sigma, tau and theta. Not an array: its index is not known when it is compiled.
template <class T>
struct ForSteps {
  T sigma, tau, theta;
  __device__ T of(int step) const { return step == 0 ? sigma : step == 1 ? tau : theta; }
};

// The gradients of the steps; empty where nobody wants one.
struct StepTargets {
  ForSteps<Global<float>> to;
  ForSteps<bool> wanted;
  bool add;  // add to the gradient instead of overwriting it

  // By one thread.
  __device__ void take(int step, double sum) const {
    const Global<float> gradient = to.of(step);
    const float before = add ? float(gradient[0]) : 0.0F;
    gradient[0] = before + static_cast<float>(sum);
  }
};

inline StepTargets step_targets(const std::array<float*, 3>& to, bool add) {
  const auto wants = [&](size_t step) { return to[step] != nullptr; };
  const auto target = [&](size_t step) { return global(std::span(to[step], wants(step) ? 1 : 0)); };
  return {{target(0), target(1), target(2)}, {wants(0), wants(1), wants(2)}, add};
}

}  // namespace primal::PRIMAL_SIMT
