// The kernels of conv3d, with the letters of conv3d.h. conv3d.cpp has checked their arguments.
//
//   forward           y = bias + weight * x      overwrites y; bias may have null data: none
//   backward_data     grad_x +=                  gather form: each element is written by one thread
//   backward_weights  grad_weight, grad_bias +=  either may have null data: not wanted
//
// Some implementations also have them fused, for nn/conv3d_leaky_relu: with the channels of x in two tensors, y through a
// LeakyReLU of `slope` and its derivative on the way back, and grad_x overwritten where it holds nothing yet.
#pragma once

#include <span>
#include <string>

#include "nn/conv3d/conv3d_channels.h"
#include "nn/conv3d/conv3d_params.h"
#include "tensor/exec.h"
#include "tensor/op/cost.h"
#include "tensor/op/implementation.h"
#include "tensor/shape.h"
#include "tensor/view.h"

namespace primal {

// What the choice of an implementation depends on.
struct Conv3dGeometry {
  Shape x, weight;
  Conv3dParams params;
};

// "n1 c32 o32 d1 h256 w256 k1,3,3 s1,1,1 p0,1,1", and back: DataError for another text.
std::string key(const Conv3dGeometry&);
Conv3dGeometry conv3d_geometry(const std::string& text);

// Phases "forward", "backward_data" and "backward_weights": 2 per tap, channel pair and output, as if taps in the padding
// were computed; the bias is where the sum starts, its gradient is not counted.
PhaseCosts conv3d_cost(const Shape& x, const Shape& weight, const Shape& y);

template <class T>
struct Conv3dFusedKernels {
  void (*forward)(const Exec&, const Channels<const T>& x, View5<const T> weight, View<const T, 1> bias,
                  const Conv3dParams&, T slope, View5<T> y);
  void (*backward_data)(const Exec&, const GatedGradient<T>& grad_y, View5<const T> weight,
                        const Conv3dParams&, bool add, const Channels<T>& grad_x);
  void (*backward_weights)(const Exec&, const Channels<const T>& x, const GatedGradient<T>& grad_y,
                           const Conv3dParams&, View5<T> grad_weight, View<T, 1> grad_bias);
};

template <class T>
struct Conv3dKernels {
  void (*forward)(const Exec&, View5<const T> x, View5<const T> weight, View<const T, 1> bias,
                  const Conv3dParams&, View5<T> y);
  void (*backward_data)(const Exec&, View5<const T> grad_y, View5<const T> weight, const Conv3dParams&,
                        View5<T> grad_x);
  void (*backward_weights)(const Exec&, View5<const T> x, View5<const T> grad_y, const Conv3dParams&,
                           View5<T> grad_weight, View<T, 1> grad_bias);
  const Conv3dFusedKernels<T>* fused = nullptr;
};

// The plain kernels of an implementation that has them fused: one tensor, no activation, gradients added.
template <const Conv3dFusedKernels<float>& kFused>
constexpr Conv3dKernels<float> with_fused() {
  return {
      [](const Exec& exec, View5<const float> x, View5<const float> weight, View<const float, 1> bias,
         const Conv3dParams& params,
         View5<float> y) { kFused.forward(exec, {x}, weight, bias, params, 1.0f, y); },
      [](const Exec& exec, View5<const float> grad_y, View5<const float> weight, const Conv3dParams& params,
         View5<float> grad_x) { kFused.backward_data(exec, {grad_y}, weight, params, true, {grad_x}); },
      [](const Exec& exec, View5<const float> x, View5<const float> grad_y, const Conv3dParams& params,
         View5<float> grad_weight, View<float, 1> grad_bias) {
        kFused.backward_weights(exec, {x}, {grad_y}, params, grad_weight, grad_bias);
      },
      &kFused};
}

// The implementations for f32 or f64, fastest first (conv3d_op.cpp).
template <class T>
std::span<const Implementation<Conv3dGeometry, Conv3dKernels<T>>> conv3d_ladder();
template <>
std::span<const Implementation<Conv3dGeometry, Conv3dKernels<float>>> conv3d_ladder<float>();
template <>
std::span<const Implementation<Conv3dGeometry, Conv3dKernels<double>>> conv3d_ladder<double>();

// Any kernel, stride and padding (conv3d_direct_cuda.cu).
PRIMAL_DEVICE_KERNELS(Conv3dKernels<float>, conv3d_direct);
// The shapes of cpu::conv3d_blocked_supports (conv3d_tiled_cuda.cu, conv3d_tiled_weights_cuda.cu).
PRIMAL_DEVICE_KERNELS(Conv3dKernels<float>, conv3d_tiled);
// Of the bias alone, for those whose product does not see to it (conv3d_bias_cuda.cu).
struct Conv3dBiasKernels {
  void (*fill)(const Exec&, View<const float, 1> bias, View5<float> y);  // y = bias
  // grad_bias +=, which may have null data
  void (*backward)(const Exec&, const GatedGradient<float>& grad_y, View<float, 1> grad_bias);
};
PRIMAL_DEVICE_KERNELS(Conv3dBiasKernels, conv3d_bias);
// For those that see one tensor and no activation (conv3d_elementwise_cuda.cu). All but `split` overwrite.
struct Conv3dElementwise {
  void (*join)(const Exec&, const Channels<const float>& x, View5<float> whole);
  void (*split)(const Exec&, View5<const float> whole, bool add, const Channels<float>& x);
  void (*gate)(const Exec&, const GatedGradient<float>& grad_y, View5<float> grad_u);
  // y = leaky_relu(bias + y); bias may have null data, and slope 1 is no activation
  void (*finish)(const Exec&, View<const float, 1> bias, float slope, View5<float> y);
};
PRIMAL_DEVICE_KERNELS(Conv3dElementwise, conv3d_elementwise);
// [N,C,D,H,W] to [N,D,H,W,C] and back (conv3d_channels_last_cuda.cu).
struct Conv3dChannelsLast {
  void (*to_last)(const Exec&, const Channels<const float>& x, std::span<float> last);
  void (*from_last)(const Exec&, std::span<const float> last, View5<float> y);
};
PRIMAL_DEVICE_KERNELS(Conv3dChannelsLast, conv3d_channels_last);
#if PRIMAL_HAS_CUDA
namespace cuda {
extern const Conv3dKernels<float> conv3d_cublaslt;  // conv3d_cublaslt.cpp
bool conv3d_cublaslt_supports(const Conv3dGeometry&);
}  // namespace cuda
#endif
#if PRIMAL_HAS_CUDNN
namespace cuda {
// conv3d_cudnn.cpp; those with a method compute as `conv3d_cudnn` where cuDNN does not have it
extern const Conv3dKernels<float> conv3d_cudnn, conv3d_cudnn_gemm, conv3d_cudnn_winograd, conv3d_cudnn_fft,
    conv3d_cudnn_graph;
bool conv3d_cudnn_supports(const Conv3dGeometry&);
}  // namespace cuda
#endif

}  // namespace primal

namespace primal::cpu {

// The reference: any kernel, stride and padding (conv3d_cpu.cpp).
template <class T>
void conv3d_forward(const Exec&, View5<const T> x, View5<const T> weight, View<const T, 1> bias,
                    const Conv3dParams&, View5<T> y);
template <class T>
void conv3d_backward_data(const Exec&, View5<const T> grad_y, View5<const T> weight, const Conv3dParams&,
                          View5<T> grad_x);
template <class T>
void conv3d_backward_weights(const Exec&, View5<const T> x, View5<const T> grad_y, const Conv3dParams&,
                             View5<T> grad_weight, View<T, 1> grad_bias);

// Register tiles of channels x pixels, f32, stride 1: kernel (1,3,3) with padding (0,1,1) and (1,1,1) without
// (conv3d_blocked.cpp, conv3d_blocked_weights.cpp).
bool conv3d_blocked_supports(const Conv3dGeometry&);
void conv3d_forward_blocked(const Exec&, const Channels<const float>& x, View5<const float> weight,
                            View<const float, 1> bias, const Conv3dParams&, float slope, View5<float> y);
void conv3d_backward_data_blocked(const Exec&, const GatedGradient<float>& grad_y, View5<const float> weight,
                                  const Conv3dParams&, bool add, const Channels<float>& grad_x);
void conv3d_backward_weights_blocked(const Exec&, const Channels<const float>& x,
                                     const GatedGradient<float>& grad_y, const Conv3dParams&,
                                     View5<float> grad_weight, View<float, 1> grad_bias);

// Streams of channels, f32, no copies: kernel (1,1,1), stride 1, no padding, at most four output channels
// (conv3d_streamed.cpp).
bool conv3d_streamed_supports(const Conv3dGeometry&);
void conv3d_forward_streamed(const Exec&, const Channels<const float>& x, View5<const float> weight,
                             View<const float, 1> bias, const Conv3dParams&, float slope, View5<float> y);
void conv3d_backward_data_streamed(const Exec&, const GatedGradient<float>& grad_y, View5<const float> weight,
                                   const Conv3dParams&, bool add, const Channels<float>& grad_x);
void conv3d_backward_weights_streamed(const Exec&, const Channels<const float>& x,
                                      const GatedGradient<float>& grad_y, const Conv3dParams&,
                                      View5<float> grad_weight, View<float, 1> grad_bias);

// The gradient of the weights for x of one channel, f32: kernel (1,3,3) with padding (0,1,1); the other phases are those of
// blocked (conv3d_one_channel.cpp).
bool conv3d_one_channel_supports(const Conv3dGeometry&);
void conv3d_backward_weights_one_channel(const Exec&, const Channels<const float>& x,
                                         const GatedGradient<float>& grad_y, const Conv3dParams&,
                                         View5<float> grad_weight, View<float, 1> grad_bias);

// Winograd F(4x4, 3x3) for the 3x3 shapes of the above that have channels and pixels enough
// (conv3d_winograd.cpp, conv3d_winograd_weights.cpp).
bool conv3d_winograd_supports(const Conv3dGeometry&);
void conv3d_forward_winograd(const Exec&, const Channels<const float>& x, View5<const float> weight,
                             View<const float, 1> bias, const Conv3dParams&, float slope, View5<float> y);
void conv3d_backward_data_winograd(const Exec&, const GatedGradient<float>& grad_y, View5<const float> weight,
                                   const Conv3dParams&, bool add, const Channels<float>& grad_x);
void conv3d_backward_weights_winograd(const Exec&, const Channels<const float>& x,
                                      const GatedGradient<float>& grad_y, const Conv3dParams&,
                                      View5<float> grad_weight, View<float, 1> grad_bias);

// oneDNN, in builds that found it: whatever is not empty (conv3d_onednn.cpp).
extern const Conv3dKernels<float> conv3d_onednn;
bool conv3d_onednn_supports(const Conv3dGeometry&);

}  // namespace primal::cpu
