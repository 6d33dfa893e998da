#include "nn/unet/unet.h"

#include <utility>

#include "nn/max_pool3d/max_pool3d.h"
#include "nn/pad3d/pad3d.h"
#include "nn/unet/double_conv.h"
#include "nn/unet/unet_windows.h"
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
  if (o.blocks < 0 || o.blocks > UNetOptions::kMostBlocks)
    throw ConfigError("[unet] blocks must be 0 to {}, found {}", UNetOptions::kMostBlocks, o.blocks);
  for (size_t a = 0; a < 3; ++a) {
    if (o.kernel[a] < 1 || o.kernel[a] % 2 == 0)
      throw ConfigError("[unet] kernel extents must be odd, found {}", o.kernel[a]);
    if (o.pool[a] < 1) throw ConfigError("[unet] pool extents must be at least 1, found {}", o.pool[a]);
  }
  return o;
}

CellBox all_of(const Shape& z) {
  if (z.rank() != 5) return {};
  return {CellRange{0, z[2]}, CellRange{0, z[3]}, CellRange{0, z[4]}};
}

std::array<int64_t, 3> begin_of(const CellBox& box) { return {box[0].begin, box[1].begin, box[2].begin}; }

// What x, which has the cells `from`, has in the cells `to`.
Variable cropped(const Variable& x, const CellBox& from, const CellBox& to) {
  if (from == to) return x;
  Crop3dParams crop;
  for (size_t a = 0; a < 3; ++a) {
    crop.low[a] = to[a].begin - from[a].begin;
    crop.high[a] = from[a].end - to[a].end;
  }
  return crop3d(x, crop);
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
  Variable forward(Variable x) const {
    const LayerName layer(name());
    x = max_pool3d(x, pool);
    return double_conv.forward(x);
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
  // x and skip are parts of their levels.
  Variable forward(Variable x, Variable skip, const Upsample3dWindow& window) const {
    const LayerName layer(name());
    Upsample3dParams up_here = up;
    up_here.window = window;
    x = halve(x);
    x = upsample3d(x, up_here);
    std::vector<Variable> sides;
    sides.push_back(std::move(skip));
    sides.push_back(std::move(x));
    return double_conv.forward(std::move(sides));
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

Variable UNet::forward(const Variable& z) const { return forward(z, all_of(z.shape())); }

Variable UNet::forward(const Variable& z, const CellBox& window) const {
  const std::array<int64_t, 3> m = multiple();
  if (z.shape().rank() != 5 || z.shape()[1] != options_.in_channels) {
    throw ShapeError("[unet] expects [N,{},D,H,W], found {}", options_.in_channels, z.value().str());
  }
  const CellBox all = all_of(z.shape());
  std::array<int64_t, 3> whole;  // extents of the level at hand
  for (size_t a = 0; a < 3; ++a) {
    whole[a] = all[a].size();
    if (whole[a] % m[a] != 0) {
      throw ShapeError("[unet] {} blocks need D, H, W in multiples of {}, {}, {}; found {}", options_.blocks,
                       m[0], m[1], m[2], z.value().str());
    }
    if (!all[a].contains(window[a]) || window[a].size() < 1) {
      throw ShapeError("[unet] a window is to have cells {} to {} along {}: z={}", window[a].begin,
                       window[a].end, "DHW"[a], z.value().str());
    }
  }
  const Range range("unet");
  const LayerName layer(name());
  const UNetWindows windows = unet_windows(options_, whole, window);
  // Each value goes on to the one who reads it last, so without a tape it dies there.
  std::vector<Variable> skips;
  Variable u = stem_->forward(cropped(z, all, windows.encoder[0]));
  for (size_t level = 0; level < encoder_.size(); ++level) {
    skips.push_back(cropped(u, windows.encoder[level], windows.decoder[level]));
    u = encoder_[level]->forward(std::move(u));
    for (size_t a = 0; a < 3; ++a) whole[a] /= options_.pool[a];
  }
  CellBox at = windows.encoder.back();
  for (const auto& block : decoder_) {
    const CellBox& to = windows.decoder[skips.size() - 1];
    u = block->forward(std::move(u), std::move(skips.back()), {whole, begin_of(at), to});
    skips.pop_back();
    at = to;
    for (size_t a = 0; a < 3; ++a) whole[a] *= options_.pool[a];
  }
  return cropped((*head_)(u), at, window);
}

}  // namespace primal
