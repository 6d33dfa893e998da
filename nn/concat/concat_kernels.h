// Kernels of nn/concat: equation in concat.h. A tensor is seen as n_outer blocks, one for each index before
// the axis; within a block of y every part has its own place.
#pragma once

#include <span>

#include "tensor/exec.h"
#include "tensor/op/implementation.h"

namespace primal {

template <class T>
struct ConcatKernels {
  // Block by block: y[begin, begin + length of a block of x) = x
  void (*forward)(const Exec& exec, std::span<const T> x, int64_t n_outer, int64_t begin, std::span<T> y);
  // Block by block: grad_x += grad_y[begin, begin + length of a block of x)
  void (*backward)(const Exec& exec, std::span<const T> grad_y, int64_t n_outer, int64_t begin,
                   std::span<T> grad_x);
};

// For f32 and f64 (concat_op.cpp).
template <class T>
std::span<const DeviceKernels<ConcatKernels<T>>> concat_kernels();
template <>
std::span<const DeviceKernels<ConcatKernels<float>>> concat_kernels<float>();
template <>
std::span<const DeviceKernels<ConcatKernels<double>>> concat_kernels<double>();

namespace cpu {

template <class T>
void concat_forward(const Exec& exec, std::span<const T> x, int64_t n_outer, int64_t begin, std::span<T> y);
template <class T>
void concat_backward(const Exec& exec, std::span<const T> grad_y, int64_t n_outer, int64_t begin,
                     std::span<T> grad_x);

}  // namespace cpu

PRIMAL_DEVICE_KERNELS(ConcatKernels<float>, concat_elementwise);  // concat_cuda.cu

}  // namespace primal
