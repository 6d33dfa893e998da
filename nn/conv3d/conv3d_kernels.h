// The kernels of conv3d, with the letters of conv3d.h. conv3d.cpp has checked their arguments.
//
//   forward           y = leaky_relu(bias + weight * x)   overwrites y; bias may have null data: none;
//                                                         slope 1: no activation
//   backward_data     grad_x = or +=                      gather form: each element is written by one thread
//   backward_weights  grad_weight, grad_bias +=           either may have null data: not wanted
//
// conv3d calls them with one tensor x, slope 1 and add = true. Those that are `fused` also serve
// nn/conv3d_leaky_relu: x and grad_x may be two tensors (ChannelParts), y goes through the activation, grad_y
// comes back through its derivative (MaskedGradient), and grad_x is overwritten where add is false. The
// others ignore slope, mask, second part and add.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <type_traits>

#include "nn/conv3d/conv3d_channel_parts.h"
#include "nn/conv3d/conv3d_params.h"
#include "tensor/cost.h"
#include "tensor/exec.h"
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

// Phases "forward", "backward_data" and "backward_weights": 2 per tap, channel pair and output, as if taps in
// the padding were computed; the bias is where the sum starts, its gradient is not counted.
PhaseCosts conv3d_cost(const Shape& x, const Shape& weight, const Shape& y);

// The gradients of weight and bias in n parts, [n_taps][n_out][n_in] and [n_out] each, which still have to be
// added to grad_weight and grad_bias.
template <class T>
struct Conv3dWeightParts {
  std::shared_ptr<void> memory;  // holds the parts; null: there are none to add
  const T* parts = nullptr;
  int64_t n_taps = 0, n_out = 0, n_in = 0, n = 0;
  T *grad_weight = nullptr, *grad_bias = nullptr;  // grad_bias may be null
};

template <class T>
struct Conv3dKernels {
  void (*forward)(const Exec&, const ChannelParts<const T>& x, View5<const T> weight, View<const T, 1> bias,
                  const Conv3dParams&, T slope, View5<T> y);
  void (*backward_data)(const Exec&, const MaskedGradient<T>& grad_y, View5<const T> weight,
                        const Conv3dParams&, bool add, const ChannelParts<T>& grad_x);
  void (*backward_weights)(const Exec&, const ChannelParts<const T>& x, const MaskedGradient<T>& grad_y,
                           const Conv3dParams&, View5<T> grad_weight, View<T, 1> grad_bias);
  bool fused;

  // An implementation may have this pair for computing both gradients: begin_weights may leave parts for
  // data_and_sums to add, which is called next with the same grad_y. If the pair is null, backward_data and
  // backward_weights are called, in any order.
  Conv3dWeightParts<T> (*begin_weights)(const Exec&, const ChannelParts<const T>& x,
                                        const MaskedGradient<T>& grad_y, const Conv3dParams&,
                                        View5<T> grad_weight, View<T, 1> grad_bias) = nullptr;
  void (*data_and_sums)(const Exec&, const MaskedGradient<T>& grad_y, View5<const T> weight,
                        const Conv3dParams&, bool add, const ChannelParts<T>& grad_x,
                        const Conv3dWeightParts<T>& left) = nullptr;
};

template <class T>
using Conv3dImplementation = Implementation<Conv3dGeometry, Conv3dKernels<T>>;

// The implementations, fastest first (conv3d_op.cpp). Each is one constant of the file named after it.
extern const Ladder<Conv3dImplementation> conv3d_ladder;

namespace cpu {

// Any kernel, stride and padding: the plain loops.
extern const Conv3dImplementation<float> conv3d_reference_f32;
extern const Conv3dImplementation<double> conv3d_reference_f64;
template <class T>
const Conv3dImplementation<T>& conv3d_reference() {
  if constexpr (std::is_same_v<T, float>)
    return conv3d_reference_f32;
  else
    return conv3d_reference_f64;
}

// stride 1: (1,3,3) with padding (0,1,1), (1,1,1) without; where rows are not too short
extern const Conv3dImplementation<float> conv3d_blocked;
// (1,1,1), stride 1, at most four output channels
extern const Conv3dImplementation<float> conv3d_streamed;
// gradient of the weights where x has one channel
extern const Conv3dImplementation<float> conv3d_one_channel;
// F(4x4, 3x3), where channels and pixels are enough
extern const Conv3dImplementation<float> conv3d_winograd;
// (3,3,3) with padding (1,1,1), stride 1: the same along D and H
extern const Conv3dImplementation<float> conv3d_winograd_volume;
// (1,kh,kw) with any stride and padding along H and W
extern const Conv3dImplementation<float> conv3d_phased;
// in builds that found oneDNN
extern const Conv3dImplementation<float> conv3d_onednn;

bool conv3d_blocked_supports(const Conv3dGeometry&);  // the shapes that it can do and others choose from
void conv3d_blocked_backward_weights(const Exec&, const ChannelParts<const float>& x,
                                     const MaskedGradient<float>& grad_y, const Conv3dParams&,
                                     View5<float> grad_weight, View<float, 1> grad_bias);
void conv3d_winograd_backward_weights(const Exec&, const ChannelParts<const float>& x,
                                      const MaskedGradient<float>& grad_y, const Conv3dParams&,
                                      View5<float> grad_weight, View<float, 1> grad_bias);
// for (3,3,3) kernels too
void conv3d_one_channel_backward_weights(const Exec&, const ChannelParts<const float>& x,
                                         const MaskedGradient<float>& grad_y, const Conv3dParams&,
                                         View5<float> grad_weight, View<float, 1> grad_bias);
void conv3d_winograd_volume_backward_weights(const Exec&, const ChannelParts<const float>& x,
                                             const MaskedGradient<float>& grad_y, const Conv3dParams&,
                                             View5<float> grad_weight, View<float, 1> grad_bias);

}  // namespace cpu

PRIMAL_DEVICE_KERNELS(Conv3dImplementation<float>, conv3d_direct);  // any kernel, stride and padding
PRIMAL_DEVICE_KERNELS(Conv3dImplementation<float>, conv3d_tiled);   // the shapes of conv3d_blocked
// (1,1,1), (1,3,3) and (3,3,3) with stride 1 and "same" padding; the first where --precision tf32 allows it
PRIMAL_DEVICE_KERNELS(Conv3dImplementation<float>, conv3d_tensor_core);
PRIMAL_DEVICE_KERNELS(Conv3dImplementation<float>, conv3d_tensor_core_3x);

#if PRIMAL_HAS_CUDA
namespace cuda {
extern const Conv3dImplementation<float> conv3d_cublaslt;  // (1,1,1); in builds with cuBLASLt's headers
// In builds with cuDNN's headers. Those with a method in their name compute as conv3d_cudnn where cuDNN lacks
// it.
extern const Conv3dImplementation<float> conv3d_cudnn, conv3d_cudnn_gemm, conv3d_cudnn_winograd,
    conv3d_cudnn_fft, conv3d_cudnn_graph;
}  // namespace cuda
#endif

}  // namespace primal
