#include "nn/unet/unet.h"

#include "nn/max_pool3d/max_pool3d.h"
#include "nn/unet/double_conv.h"
#include "nn/upsample3d/upsample3d.h"
#include "tensor/error.h"
#include "tensor/range.h"

namespace primal {
namespace {

const UNetOptions& checked(const UNetOptions& o) {
  if (o.in_channels < 1 || o.out_channels < 1 || o.filters < 1) {
    throw ConfigError("[unet] needs at least one channel: in_channels={} out_channels={} filters={}",
                      o.in_channels, o.out_channels, o.filters);
  }
  if (o.blocks < 0 || o.blocks > 8) throw ConfigError("[unet] blocks must be 0 to 8, found {}", o.blocks);
  for (size_t a = 0; a < 3; ++a) {
    if (o.kernel[a] < 1 || o.kernel[a] % 2 == 0)
      throw ConfigError("[unet] kernel extents must be odd, found {}", o.kernel[a]);
    if (o.pool[a] < 1) throw ConfigError("[unet] pool extents must be at least 1, found {}", o.pool[a]);
  }
  return o;
}

}  // namespace

struct UNet::DoubleConv : primal::DoubleConv {
  DoubleConv(int64_t in, int64_t out, const UNetOptions& o, Initialiser& init)
      : primal::DoubleConv(init, in, out, o.kernel, o.slope) {}
};

struct UNet::EncoderBlock : Module {
  EncoderBlock(int64_t in, int64_t out, const UNetOptions& o, Initialiser& init)
      : pool{.kernel = o.pool}, double_conv(in, out, o, init) {
    register_module("double_conv", double_conv);
  }
  Variable forward(const Variable& x) const {
    const LayerName layer(name());
    return double_conv.forward(max_pool3d(x, pool));
  }
  MaxPool3dParams pool;
  DoubleConv double_conv;
};

struct UNet::DecoderBlock : Module {
  DecoderBlock(int64_t in, int64_t out, const UNetOptions& o, Initialiser& init)
      : up{.scale = o.pool, .mode = UpsampleMode::trilinear, .align_corners = true},
        halve(init, in, out, {1, 1, 1}),
        double_conv(2 * out, out, o, init) {
    register_module("upsampling.1", halve);
    register_module("double_conv", double_conv);
  }
  Variable forward(const Variable& x, const Variable& skip) const {
    const LayerName layer(name());
    return double_conv.forward({skip, upsample3d(halve(x), up)});
  }
  Upsample3dParams up;
  Conv3d halve;
  DoubleConv double_conv;
};

UNet::UNet(const UNetOptions& options, Initialiser& init) : options_(checked(options)) {
  const auto width = [&](int64_t level) { return options_.filters << level; };
  stem_ = std::make_unique<DoubleConv>(options_.in_channels, width(0), options_, init);
  register_module("c0x0", *stem_);
  for (int64_t i = 1; i <= options_.blocks; ++i) {
    encoder_.push_back(std::make_unique<EncoderBlock>(width(i - 1), width(i), options_, init));
    register_module(fmt::format("encoder.{}", i - 1), *encoder_.back());
  }
  for (int64_t i = options_.blocks - 1; i >= 0; --i) {
    decoder_.push_back(std::make_unique<DecoderBlock>(width(i + 1), width(i), options_, init));
    register_module(fmt::format("decoder.{}", options_.blocks - 1 - i), *decoder_.back());
  }
  head_ = std::make_unique<Conv3d>(init, width(0), options_.out_channels, std::array<int64_t, 3>{1, 1, 1});
  register_module("c1x1", *head_);
}

UNet::~UNet() = default;

std::array<int64_t, 3> UNet::multiple() const {
  std::array<int64_t, 3> m{1, 1, 1};
  for (int64_t b = 0; b < options_.blocks; ++b) {
    for (size_t a = 0; a < 3; ++a) m[a] *= options_.pool[a];
  }
  return m;
}

Variable UNet::forward(const Variable& z) const {
  const std::array<int64_t, 3> m = multiple();
  if (z.shape().rank() != 5 || z.shape()[1] != options_.in_channels) {
    throw ShapeError("[unet] expects [N,{},D,H,W], found {}", options_.in_channels, z.value().str());
  }
  for (size_t a = 0; a < 3; ++a) {
    if (z.shape()[static_cast<int>(a) + 2] % m[a] != 0) {
      throw ShapeError("[unet] {} blocks need D, H, W in multiples of {}, {}, {}; found {}", options_.blocks,
                       m[0], m[1], m[2], z.value().str());
    }
  }
  const Range range("unet");
  const LayerName layer(name());
  std::vector<Variable> skips;
  Variable u = stem_->forward(z);
  for (const auto& block : encoder_) {
    skips.push_back(u);
    u = block->forward(u);
  }
  for (const auto& block : decoder_) {
    u = block->forward(u, skips.back());
    skips.pop_back();
  }
  return (*head_)(u);
}

}  // namespace primal
