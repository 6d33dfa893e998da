#include "nn/dynamic_tv/dynamic_unet.h"

#include "nn/max_pool3d/max_pool3d.h"
#include "nn/upsample3d/upsample3d.h"
#include "tensor/error.h"
#include "tensor/range.h"

namespace primal {
namespace {

constexpr double kSlope = 0.01;
constexpr std::array<int64_t, 3> kKernel{3, 3, 3};
constexpr std::array<int64_t, 3> kPool{2, 2, 2};

// u at the resolution of `skip`.
Variable upsampled(const Variable& u, const Variable& skip) {
  const Shape& s = skip.shape();
  return upsample3d(u, {.size = std::array<int64_t, 3>{s[2], s[3], s[4]},
                        .mode = UpsampleMode::trilinear,
                        .align_corners = false});
}

}  // namespace

DynamicUNet::DynamicUNet(const DynamicUNetOptions& options, Initialiser& init) : options_(options) {
  if (options.in_channels < 1 || options.out_channels < 1 || options.filters < 1) {
    throw ConfigError("[dynamic_unet] needs at least one channel: in_channels={} out_channels={} filters={}",
                      options.in_channels, options.out_channels, options.filters);
  }
  if (options.stages < 1 || options.stages > 8)
    throw ConfigError("[dynamic_unet] stages must be 1 to 8, found {}", options.stages);
  const auto width = [&](int64_t level) { return options.filters << level; };
  for (int64_t i = 0; i < options.stages; ++i) {
    const int64_t in = i == 0 ? options.in_channels : width(i - 1);
    encoder_.push_back(std::make_unique<DoubleConv>(init, in, width(i), kKernel, kSlope));
    register_module(fmt::format("encoder.enc_blocks.{}", i), *encoder_.back());
  }
  for (int64_t i = 0; i + 1 < options.stages; ++i) {
    const int64_t coarse = width(options.stages - 1 - i), fine = width(options.stages - 2 - i);
    upconvs_.push_back(
        std::make_unique<Conv3d>(init, coarse, fine, kKernel, Conv3dParams{.padding = {1, 1, 1}}));
    register_module(fmt::format("decoder.upconvs.{}", i), *upconvs_.back());
    decoder_.push_back(std::make_unique<DoubleConv>(init, 2 * fine, fine, kKernel, kSlope));
    register_module(fmt::format("decoder.dec_blocks.{}", i), *decoder_.back());
  }
  head_ = std::make_unique<Conv3d>(init, width(0), options.out_channels, std::array<int64_t, 3>{1, 1, 1});
  register_module("c1x1", *head_);
}

Variable DynamicUNet::forward(const Variable& z) const {
  if (z.shape().rank() != 5 || z.shape()[1] != options_.in_channels) {
    throw ShapeError("[dynamic_unet] expects [N,{},A,B,C], found {}", options_.in_channels, z.value().str());
  }
  for (int a = 2; a < 5; ++a) {
    if (z.shape()[a] >> (options_.stages - 1) < 1) {
      throw ShapeError("[dynamic_unet] {} stages need extents of at least {}, found {}", options_.stages,
                       int64_t{1} << (options_.stages - 1), z.value().str());
    }
  }
  const Range range("dynamic_unet");
  std::vector<Variable> skips;
  Variable u = encoder_[0]->forward(z);
  for (size_t i = 1; i < encoder_.size(); ++i) {
    skips.push_back(u);
    u = encoder_[i]->forward(max_pool3d(u, {.kernel = kPool}));
  }
  for (size_t i = 0; i < decoder_.size(); ++i) {
    u = decoder_[i]->forward({(*upconvs_[i])(upsampled(u, skips.back())), skips.back()});
    skips.pop_back();
  }
  return (*head_)(u);
}

}  // namespace primal
