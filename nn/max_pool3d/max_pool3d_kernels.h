// Kernels of nn/max_pool3d: equation in max_pool3d.h.
#pragma once

#include <span>
#include <string>

#include "nn/max_pool3d/max_pool3d_params.h"
#include "tensor/exec.h"
#include "tensor/op/implementation.h"
#include "tensor/shape.h"
#include "tensor/view.h"

namespace primal {

// What the choice of an implementation depends on.
struct MaxPool3dGeometry {
  Shape x;
  MaxPool3dParams params;
};

// "n1 c32 d1 h256 w256 k1,2,2 s1,2,2 p0,0,0", and back: DataError for another text.
std::string key(const MaxPool3dGeometry&);
MaxPool3dGeometry max_pool3d_geometry(const std::string& text);

template <class T>
struct MaxPool3dKernels {
  // x [N,C,D,H,W] -> y, argmax [N,C,D',H',W']; without data, argmax is not written.
  void (*forward)(const Exec& exec, View5<const T> x, const MaxPool3dParams& params, View5<T> y,
                  View5<int32_t> argmax);
  // grad_x [N,C,D,H,W] += grad_y [N,C,D',H',W'] at argmax
  void (*backward)(const Exec& exec, View5<const int32_t> argmax, View5<const T> grad_y,
                   const MaxPool3dParams& params, View5<T> grad_x);
};

// For f32 and f64, fastest first (max_pool3d_op.cpp).
template <class T>
std::span<const Implementation<MaxPool3dGeometry, MaxPool3dKernels<T>>> max_pool3d_ladder();
template <>
std::span<const Implementation<MaxPool3dGeometry, MaxPool3dKernels<float>>> max_pool3d_ladder<float>();
template <>
std::span<const Implementation<MaxPool3dGeometry, MaxPool3dKernels<double>>> max_pool3d_ladder<double>();

namespace cpu {

template <class T>
void max_pool3d_forward(const Exec& exec, View5<const T> x, const MaxPool3dParams& params, View5<T> y,
                        View5<int32_t> argmax);
template <class T>
void max_pool3d_backward(const Exec& exec, View5<const int32_t> argmax, View5<const T> grad_y,
                         const MaxPool3dParams& params, View5<T> grad_x);

// A vector of windows at a time, f32: kernel and stride (1,2,2), no padding (max_pool3d_simd.cpp).
bool max_pool3d_simd_supports(const MaxPool3dGeometry&);
void max_pool3d_forward_simd(const Exec& exec, View5<const float> x, const MaxPool3dParams& params,
                             View5<float> y, View5<int32_t> argmax);
void max_pool3d_backward_simd(const Exec& exec, View5<const int32_t> argmax, View5<const float> grad_y,
                              const MaxPool3dParams& params, View5<float> grad_x);

}  // namespace cpu

PRIMAL_DEVICE_KERNELS(MaxPool3dKernels<float>, max_pool3d_windows);  // max_pool3d_cuda.cu

}  // namespace primal
