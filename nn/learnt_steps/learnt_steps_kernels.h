// Kernels of nn/learnt_steps: equation in learnt_steps.h.
#pragma once

#include <array>
#include <cmath>

#include "tensor/exec.h"
#include "tensor/host_device.h"
#include "tensor/op/implementation.h"

namespace primal {

template <class T>
struct LearntStepsKernels {
  // y [3]
  void (*forward)(const Exec&, const std::array<const T*, 3>& raw, double a, T* y);
  // Adds to each of grads that is not null.
  void (*backward)(const Exec&, const std::array<const T*, 3>& raw, const T* grad_y, double a,
                   const std::array<T*, 3>& grads);
};
template <class T>
using LearntStepsImplementation = Implementation<OnlyShape, LearntStepsKernels<T>>;
extern const Ladder<LearntStepsImplementation> learnt_steps_ladder;  // learnt_steps_op.cpp

// exp of a negative number only: no overflow at either end.
template <class T>
PRIMAL_HOST_DEVICE T sigmoid_of_step(T x) {
  const T e = std::exp(-std::abs(x));
  return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}
// d/dx a sigmoid(x), times the gradient; theta has no factor.
template <class T>
PRIMAL_HOST_DEVICE T gradient_of_step(T x, T factor, T grad_y) {
  const T s = sigmoid_of_step(x);
  return factor * grad_y * (s * (1 - s));
}

namespace cpu {
extern const LearntStepsImplementation<float> learnt_steps_reference_f32;
extern const LearntStepsImplementation<double> learnt_steps_reference_f64;
}  // namespace cpu
PRIMAL_DEVICE_KERNELS(LearntStepsImplementation<float>, learnt_steps_threads);  // learnt_steps_cuda.cu

}  // namespace primal
