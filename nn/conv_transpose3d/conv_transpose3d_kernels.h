// The kernels of conv_transpose3d, with the letters of conv_transpose3d.h; its output padding is in the shape
// of y.
//
//   forward           y = bias + ...             overwrites y; bias may have null data: none
//   backward_data     grad_x +=
//   backward_weights  grad_weight, grad_bias +=  either may have null data: not wanted
#pragma once

#include <span>

#include "nn/conv_transpose3d/conv_transpose3d_params.h"
#include "tensor/exec.h"
#include "tensor/op/cost.h"
#include "tensor/op/implementation.h"
#include "tensor/view.h"

namespace primal {

// 2 per input value, output channel and tap; backward as much for x and for weight.
PhaseCosts conv_transpose3d_cost(const Shape& x, const Shape& weight, const Shape& y);

template <class T>
struct ConvTranspose3dKernels {
  void (*forward)(const Exec&, View5<const T> x, View5<const T> weight, View<const T, 1> bias,
                  const ConvTranspose3dParams&, View5<T> y);
  void (*backward_data)(const Exec&, View5<const T> grad_y, View5<const T> weight,
                        const ConvTranspose3dParams&, View5<T> grad_x);
  void (*backward_weights)(const Exec&, View5<const T> x, View5<const T> grad_y, const ConvTranspose3dParams&,
                           View5<T> grad_weight, View<T, 1> grad_bias);
};

// For f32 and f64 (conv_transpose3d_op.cpp).
template <class T>
std::span<const DeviceKernels<ConvTranspose3dKernels<T>>> conv_transpose3d_kernels();
template <>
std::span<const DeviceKernels<ConvTranspose3dKernels<float>>> conv_transpose3d_kernels<float>();
template <>
std::span<const DeviceKernels<ConvTranspose3dKernels<double>>> conv_transpose3d_kernels<double>();

namespace cpu {

template <class T>
void conv_transpose3d_forward(const Exec&, View5<const T> x, View5<const T> weight, View<const T, 1> bias,
                              const ConvTranspose3dParams&, View5<T> y);
template <class T>
void conv_transpose3d_backward_data(const Exec&, View5<const T> grad_y, View5<const T> weight,
                                    const ConvTranspose3dParams&, View5<T> grad_x);
template <class T>
void conv_transpose3d_backward_weights(const Exec&, View5<const T> x, View5<const T> grad_y,
                                       const ConvTranspose3dParams&, View5<T> grad_weight,
                                       View<T, 1> grad_bias);

}  // namespace cpu

PRIMAL_DEVICE_KERNELS(ConvTranspose3dKernels<float>, conv_transpose3d_direct);  // conv_transpose3d_cuda.cu

}  // namespace primal
