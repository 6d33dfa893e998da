// U-Net: looks at a picture at several resolutions and says something about every pixel.
//
//   x0 = double_conv(z)                                    in_channels -> F
//   xi = double_conv(max_pool(x(i-1)))                     F 2^(i-1) -> F 2^i,   i = 1 .. blocks
//   u  = double_conv(concat[xi, upsample(conv1x1(u))])     F 2^(i+1) -> F 2^i,   i = blocks-1 .. 0
//   y  = conv1x1(u)                                        F -> out_channels
//
// The decoder starts from u = x(blocks). double_conv is twice a convolution (kernel, padding kernel/2, bias)
// followed by LeakyReLU; max_pool has window and stride `pool`; upsample is trilinear by `pool` with aligned
// corners; the 1x1x1 before it halves the channels. The dissertation has it behind the upsampling: the same
// function, as interpolation weights sum to 1 and so let a 1x1x1 and its bias pass, but with a quarter of the
// work and without the widest tensors.
//
// Shapes:  z [N,in_channels,D,H,W] -> y [N,out_channels,D,H,W]; each extent must be divisible by
//          pool^blocks (ShapeError). F = 32, blocks = 3: 1,796,034 parameters, 53.25 GFLOP for a
//          training step at 256x256.
// Windows: a window of y can be computed from a part of z (unet_windows.h). It equals that window of the
//          whole y: to the bit where convolutions add the same products in the same order (reference,
//          blocked), else to rounding (Winograd, whose tiles begin elsewhere). Gradients flow through
//          windows as through the whole.
// Names:   cnn's of trung-vt/LearningRegularizationParameterMaps: c0x0.conv_block.{0,2},
//          encoder.i.double_conv.conv_block.*, decoder.i.upsampling.1, decoder.i.double_conv.conv_block.*,
//          c1x1; decoder.0 is the coarsest.
// Source:  O. Ronneberger, P. Fischer, T. Brox, "U-Net: convolutional networks for biomedical
//          image segmentation", 2015.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "nn/cell_box.h"
#include "nn/conv3d/conv3d.h"
#include "nn/module.h"

namespace primal {

struct UNetOptions {
  static constexpr int64_t kMostBlocks = 8;

  int64_t in_channels = 1;
  int64_t out_channels = 2;
  int64_t filters = 32;
  int64_t blocks = 3;
  std::array<int64_t, 3> kernel{1, 3, 3};  // odd extents
  std::array<int64_t, 3> pool{1, 2, 2};
  double slope = 0.01;  // LeakyReLU
};

class UNet : public Module {
 public:
  // ConfigError for options that make no network: filters or channels below 1, blocks outside
  // [0, kMostBlocks], an even kernel.
  UNet(const UNetOptions& options, Initialiser& init);
  ~UNet() override;

  Variable forward(const Variable& z) const;
  // forward(z) in the cells of `window`, which lies in z.
  Variable forward(const Variable& z, const CellBox& window) const;

  const UNetOptions& options() const { return options_; }
  // What each extent of the input must be a multiple of: pool^blocks.
  std::array<int64_t, 3> multiple() const;

 private:
  struct DoubleConv;
  struct EncoderBlock;
  struct DecoderBlock;

  UNetOptions options_;
  std::unique_ptr<DoubleConv> stem_;
  std::vector<std::unique_ptr<EncoderBlock>> encoder_;
  std::vector<std::unique_ptr<DecoderBlock>> decoder_;
  std::unique_ptr<Conv3d> head_;
};

}  // namespace primal
