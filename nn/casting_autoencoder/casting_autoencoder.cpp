#include "nn/casting_autoencoder/casting_autoencoder.h"

#include <algorithm>

#include "nn/activation/activation.h"
#include "nn/pad3d/pad3d.h"
#include "tensor/error.h"
#include "tensor/range.h"

namespace primal {
namespace {

constexpr std::array<int64_t, 3> kKernel{1, 3, 3};
constexpr Conv3dParams kDown{.stride = {1, 2, 2}, .padding = {0, 1, 1}};
constexpr ConvTranspose3dParams kUp{.stride = {1, 2, 2}, .padding = {0, 1, 1}, .output_padding = {0, 1, 1}};
constexpr int64_t kMultiple = 8;  // three strides of 2

const CastingAutoencoderOptions& checked(const CastingAutoencoderOptions& o) {
  if (std::min({o.channels, o.filters[0], o.filters[1], o.filters[2]}) < 1) {
    throw ConfigError("[casting_autoencoder] channels {} and filters {}, {}, {} must be at least 1",
                      o.channels, o.filters[0], o.filters[1], o.filters[2]);
  }
  return o;
}

// Below and to the right, to the next multiple.
Pad3dParams padding_of(const Shape& x) {
  Pad3dParams pad;
  for (size_t a = 1; a < 3; ++a) {
    const int64_t n = x[static_cast<int>(a) + 2];
    pad.high[a] = (kMultiple - n % kMultiple) % kMultiple;
    pad.mode[a] = pad.high[a] < n ? PadMode::reflect : PadMode::edge;
  }
  return pad;
}

}  // namespace

CastingAutoencoder::CastingAutoencoder(const CastingAutoencoderOptions& options, Initialiser& init)
    : options_(checked(options)),
      encoder0_(init, options.channels, options.filters[0], kKernel, kDown),
      encoder1_(init, options.filters[0], options.filters[1], kKernel, kDown),
      encoder2_(init, options.filters[1], options.filters[2], kKernel, kDown),
      decoder0_(init, options.filters[2], options.filters[1], kKernel, kUp),
      decoder1_(init, options.filters[1], options.filters[0], kKernel, kUp),
      decoder2_(init, options.filters[0], options.channels, kKernel, kUp) {
  register_module("encoder.0", encoder0_);
  register_module("encoder.1", encoder1_);
  register_module("encoder.2", encoder2_);
  register_module("decoder.0", decoder0_);
  register_module("decoder.1", decoder1_);
  register_module("decoder.2", decoder2_);
}

Variable CastingAutoencoder::forward(const Variable& x, Mode) const {
  const Range range("casting_autoencoder");
  const Shape& shape = x.shape();
  if (shape.rank() != 5 || shape[1] != options_.channels || shape[2] != 1)
    throw ShapeError("[casting_autoencoder] expects pictures [N,{},1,H,W], found {}", options_.channels,
                     x.value().str());
  const Pad3dParams pad = padding_of(shape);
  const bool pads = pad.high[1] + pad.high[2] > 0;
  Variable h = pads ? pad3d(x, pad) : x;
  h = relu(encoder2_(relu(encoder1_(relu(encoder0_(h))))));
  h = sigmoid(decoder2_(relu(decoder1_(relu(decoder0_(h))))));
  return pads ? crop3d(h, {.high = pad.high}) : h;
}

}  // namespace primal
