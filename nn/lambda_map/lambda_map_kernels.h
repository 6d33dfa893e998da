// Kernels of nn/lambda_map: equations in lambda_map.h.
#pragma once

#include <span>
#include <string>

#include "nn/lambda_map/lambda_map_params.h"
#include "tensor/exec.h"
#include "tensor/op/implementation.h"
#include "tensor/shape.h"
#include "tensor/view.h"

namespace primal {

// What the choice of an implementation is reported with; each takes every head.
struct LambdaMapGeometry {
  Shape head;
};
std::string key(const LambdaMapGeometry&);

template <class T>
struct LambdaMapKernels {
  void (*forward)(const Exec& exec, View5<const T> head, const LambdaMapParams& params, View5<T> lambda);
  // grad_head += ...
  void (*backward)(const Exec& exec, View5<const T> lambda, View5<const T> grad_lambda,
                   const LambdaMapParams& params, View5<T> grad_head);
};

// For f32 and f64, fastest first (lambda_map_op.cpp).
template <class T>
std::span<const Implementation<LambdaMapGeometry, LambdaMapKernels<T>>> lambda_map_ladder();
template <>
std::span<const Implementation<LambdaMapGeometry, LambdaMapKernels<float>>> lambda_map_ladder<float>();
template <>
std::span<const Implementation<LambdaMapGeometry, LambdaMapKernels<double>>> lambda_map_ladder<double>();

namespace cpu {

template <class T>
void lambda_map_forward(const Exec& exec, View5<const T> head, const LambdaMapParams& params,
                        View5<T> lambda);
template <class T>
void lambda_map_backward(const Exec& exec, View5<const T> lambda, View5<const T> grad_lambda,
                         const LambdaMapParams& params, View5<T> grad_head);

// A vector of cells at a time, f32 (lambda_map_simd.cpp).
void lambda_map_forward_simd(const Exec& exec, View5<const float> head, const LambdaMapParams& params,
                             View5<float> lambda);
void lambda_map_backward_simd(const Exec& exec, View5<const float> lambda, View5<const float> grad_lambda,
                              const LambdaMapParams& params, View5<float> grad_head);

}  // namespace cpu

PRIMAL_DEVICE_KERNELS(LambdaMapKernels<float>, lambda_map_elementwise);  // lambda_map_cuda.cu

}  // namespace primal
