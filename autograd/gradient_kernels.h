// What the tape and its checks do to gradients themselves, on any device.
#pragma once

#include <cstdint>
#include <span>

#include "tensor/exec.h"
#include "tensor/op/implementation.h"

namespace primal {

template <class T>
struct GradientKernels {
  void (*add)(const Exec& exec, std::span<const T> x, std::span<T> y);  // y += x
  // counts[k] = how many elements of tensors[k] are infinite or not a number
  void (*count_non_finite)(const Exec& exec, std::span<const std::span<const T>> tensors,
                           std::span<int64_t> counts);
};

// For f32 and f64 (gradient_kernels.cpp).
template <class T>
std::span<const DeviceKernels<GradientKernels<T>>> gradient_kernels();
template <>
std::span<const DeviceKernels<GradientKernels<float>>> gradient_kernels<float>();
template <>
std::span<const DeviceKernels<GradientKernels<double>>> gradient_kernels<double>();

PRIMAL_DEVICE_KERNELS(GradientKernels<float>, gradient_elementwise);  // gradient_cuda.cu

}  // namespace primal
