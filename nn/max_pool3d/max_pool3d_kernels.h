// Kernels of nn/max_pool3d: equation in max_pool3d.h.
#pragma once

#include <span>

#include "nn/max_pool3d/max_pool3d_params.h"
#include "tensor/exec.h"
#include "tensor/op/implementation.h"
#include "tensor/view.h"

namespace primal {

template <class T>
struct MaxPool3dKernels {
  // x [N,C,D,H,W] -> y, argmax [N,C,D',H',W']; without data, argmax is not written.
  void (*forward)(const Exec& exec, View5<const T> x, const MaxPool3dParams& params, View5<T> y,
                  View5<int32_t> argmax);
  // grad_x [N,C,D,H,W] += grad_y [N,C,D',H',W'] at argmax
  void (*backward)(const Exec& exec, View5<const int32_t> argmax, View5<const T> grad_y,
                   const MaxPool3dParams& params, View5<T> grad_x);
};

// For f32 and f64 (max_pool3d_op.cpp).
template <class T>
std::span<const DeviceKernels<MaxPool3dKernels<T>>> max_pool3d_kernels();
template <>
std::span<const DeviceKernels<MaxPool3dKernels<float>>> max_pool3d_kernels<float>();
template <>
std::span<const DeviceKernels<MaxPool3dKernels<double>>> max_pool3d_kernels<double>();

namespace cpu {

template <class T>
void max_pool3d_forward(const Exec& exec, View5<const T> x, const MaxPool3dParams& params, View5<T> y,
                        View5<int32_t> argmax);
template <class T>
void max_pool3d_backward(const Exec& exec, View5<const int32_t> argmax, View5<const T> grad_y,
                         const MaxPool3dParams& params, View5<T> grad_x);

}  // namespace cpu

PRIMAL_DEVICE_KERNELS(MaxPool3dKernels<float>, max_pool3d_windows);  // max_pool3d_cuda.cu

}  // namespace primal
