// DynamicUNet: the U-Net of a published network for image sequences, of other make than nn/unet.
//
//   x0 = double_conv(z)                                        in_channels -> F
//   xi = double_conv(max_pool(x(i-1)))                         F 2^(i-1) -> F 2^i,   i = 1 .. stages-1
//   u  = double_conv(concat[conv3x3x3(upsample(u)), xi])       F 2^(i+1) -> F 2^i,   i = stages-2 .. 0
//   y  = conv1x1x1(u)                                          F -> out_channels
//
// The decoder starts from u = x(stages-1). All kernels but the head's are 3x3x3 with zero padding 1 and bias;
// double_conv has LeakyReLU 0.01 (nn/unet/double_conv.h), the convolution after the upsampling has no
// activation. max_pool has window and stride (2,2,2) and drops an odd end; upsample is trilinear to the
// extents of xi, without aligned corners, so no extent has to be divisible by anything.
//
// Shapes:  z [N,in_channels,A,B,C] -> y [N,out_channels,A,B,C]; the published weights take frames
//          [N,1,X,Y,T]. ShapeError for other channels, and for an extent below 2^(stages-1), of which
//          pooling would leave nothing.
//          F = 16, stages = 3: 387,906 parameters.
// Names:   encoder.enc_blocks.i.conv_block.{0,2}; decoder.upconvs.i, decoder.dec_blocks.i.conv_block.{0,2},
//          i = 0 the coarsest; c1x1.
// Source:  koflera/LearningRegularizationParameterMaps; A. Kofler et al., SIAM J. Imaging Sci. 16 (2023).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "nn/unet/double_conv.h"

namespace primal {

struct DynamicUNetOptions {
  int64_t in_channels = 1;
  int64_t out_channels = 2;
  int64_t filters = 16;
  int64_t stages = 3;  // resolutions: one more than there are poolings
};

class DynamicUNet : public Module {
 public:
  // ConfigError for filters or channels below 1, stages outside [1, 8].
  DynamicUNet(const DynamicUNetOptions& options, Initialiser& init);

  Variable forward(const Variable& z) const;

 private:
  DynamicUNetOptions options_;
  std::vector<std::unique_ptr<DoubleConv>> encoder_;  // finest first
  std::vector<std::unique_ptr<Conv3d>> upconvs_;      // coarsest first
  std::vector<std::unique_ptr<DoubleConv>> decoder_;
  std::unique_ptr<Conv3d> head_;
};

}  // namespace primal
