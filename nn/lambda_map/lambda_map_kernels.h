// Kernels of nn/lambda_map: equations in lambda_map.h.
#pragma once

#include <span>

#include "nn/lambda_map/lambda_map_params.h"
#include "tensor/exec.h"
#include "tensor/op/implementation.h"
#include "tensor/view.h"

namespace primal {

template <class T>
struct LambdaMapKernels {
  void (*forward)(const Exec& exec, View5<const T> head, const LambdaMapParams& params, View5<T> lambda);
  // grad_head += ...
  void (*backward)(const Exec& exec, View5<const T> lambda, View5<const T> grad_lambda,
                   const LambdaMapParams& params, View5<T> grad_head);
};

// For f32 and f64 (lambda_map_op.cpp).
template <class T>
std::span<const DeviceKernels<LambdaMapKernels<T>>> lambda_map_kernels();
template <>
std::span<const DeviceKernels<LambdaMapKernels<float>>> lambda_map_kernels<float>();
template <>
std::span<const DeviceKernels<LambdaMapKernels<double>>> lambda_map_kernels<double>();

namespace cpu {

template <class T>
void lambda_map_forward(const Exec& exec, View5<const T> head, const LambdaMapParams& params,
                        View5<T> lambda);
template <class T>
void lambda_map_backward(const Exec& exec, View5<const T> lambda, View5<const T> grad_lambda,
                         const LambdaMapParams& params, View5<T> grad_head);

}  // namespace cpu

PRIMAL_DEVICE_KERNELS(LambdaMapKernels<float>, lambda_map_elementwise);  // lambda_map_cuda.cu

}  // namespace primal
