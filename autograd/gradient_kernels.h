// What the tape and its checks do to gradients themselves, on any device.
#pragma once

#include <cstdint>
#include <span>

#include "tensor/exec.h"
#include "tensor/op/implementation.h"

namespace primal {

template <class T>
struct GradientKernels {
  void (*add)(const Exec& exec, std::span<const T> x, std::span<T> y);    // y += x
  void (*zero)(const Exec& exec, std::span<const std::span<T>> tensors);  // all of them
  // counts[k] = how many elements of tensors[k] are infinite or not a number
  void (*count_non_finite)(const Exec& exec, std::span<const std::span<const T>> tensors,
                           std::span<int64_t> counts);
};

template <class T>
using GradientImplementation = Implementation<OnlyShape, GradientKernels<T>>;
extern const Ladder<GradientImplementation> gradient_ladder;  // gradient_kernels.cpp

PRIMAL_DEVICE_KERNELS(GradientImplementation<float>, gradient_elementwise);  // gradient_cuda.cu

}  // namespace primal
