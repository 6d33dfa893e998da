// Kernels around a convolution on a device: bias, parts, activation and layout for those that do not see to
// them.
#pragma once

#include <span>

#include "nn/conv3d/conv3d_kernels.h"

namespace primal {

struct Conv3dBiasKernels {
  void (*fill)(const Exec&, View<const float, 1> bias, View5<float> y);  // y = bias
  // grad_bias +=, which may have null data
  void (*backward)(const Exec&, const MaskedGradient<float>& grad_y, View<float, 1> grad_bias);
};
PRIMAL_DEVICE_KERNELS(Conv3dBiasKernels, conv3d_bias);  // conv3d_bias.cu

// For those that see one tensor and no activation. All but `split` overwrite.
struct Conv3dElementwise {
  void (*join)(const Exec&, const ChannelParts<const float>& x, View5<float> whole);
  void (*split)(const Exec&, View5<const float> whole, bool add, const ChannelParts<float>& x);
  void (*mask)(const Exec&, const MaskedGradient<float>& grad_y, View5<float> grad_u);
  // y = leaky_relu(bias + y); bias may have null data, and slope 1 is no activation
  void (*finish)(const Exec&, View<const float, 1> bias, float slope, View5<float> y);
};
PRIMAL_DEVICE_KERNELS(Conv3dElementwise, conv3d_elementwise);  // conv3d_elementwise.cu

// [N,C,D,H,W] to [N,D,H,W,C] and back.
struct Conv3dChannelsLast {
  void (*to_last)(const Exec&, const ChannelParts<const float>& x, std::span<float> last);
  void (*from_last)(const Exec&, std::span<const float> last, View5<float> y);
};
PRIMAL_DEVICE_KERNELS(Conv3dChannelsLast, conv3d_channels_last);  // conv3d_channels_last.cu

}  // namespace primal
