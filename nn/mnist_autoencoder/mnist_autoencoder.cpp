#include "nn/mnist_autoencoder/mnist_autoencoder.h"

#include "nn/activation/activation.h"
#include "nn/max_pool3d/max_pool3d.h"
#include "nn/reshape/reshape.h"
#include "nn/upsample3d/upsample3d.h"
#include "tensor/error.h"
#include "tensor/range.h"

namespace primal {
namespace {

constexpr std::array<int64_t, 3> kKernel{1, 3, 3};
constexpr Conv3dParams kSame{.padding = {0, 1, 1}};
constexpr double kMomentum = 0.01, kEps = 1e-3;
constexpr int64_t kPooled = 4;  // two poolings by 2

MnistAutoencoderOptions checked(const MnistAutoencoderOptions& o) {
  if (o.filters[0] < 1 || o.filters[1] < 1 || o.latent < 1)
    throw ConfigError("[mnist_autoencoder] filters {}, {} and latent {} must be at least 1", o.filters[0],
                      o.filters[1], o.latent);
  if (o.size < kPooled || o.size % kPooled != 0)
    throw ConfigError("[mnist_autoencoder] a side of {} pixels: expected a multiple of {}", o.size, kPooled);
  return o;
}

int64_t n_features(const MnistAutoencoderOptions& o) {
  return o.filters[1] * (o.size / kPooled) * (o.size / kPooled);
}

}  // namespace

MnistAutoencoder::MnistAutoencoder(const MnistAutoencoderOptions& options, Initialiser& init)
    : options_(checked(options)),
      encoder_conv1_(init, 1, options.filters[0], kKernel, kSame),
      encoder_norm1_(init, options.filters[0], kMomentum, kEps),
      encoder_conv2_(init, options.filters[0], options.filters[1], kKernel, kSame),
      encoder_norm2_(init, options.filters[1], kMomentum, kEps),
      encoder_dense_(init, n_features(options), options.latent),
      decoder_dense_(init, options.latent, n_features(options)),
      decoder_conv1_(init, options.filters[1], options.filters[1], kKernel, kSame),
      decoder_norm1_(init, options.filters[1], kMomentum, kEps),
      decoder_conv2_(init, options.filters[1], options.filters[0], kKernel, kSame),
      decoder_norm2_(init, options.filters[0], kMomentum, kEps),
      decoder_conv3_(init, options.filters[0], 1, kKernel, kSame) {
  register_module("encoder.conv1", encoder_conv1_);
  register_module("encoder.norm1", encoder_norm1_);
  register_module("encoder.conv2", encoder_conv2_);
  register_module("encoder.norm2", encoder_norm2_);
  register_module("encoder.dense", encoder_dense_);
  register_module("decoder.dense", decoder_dense_);
  register_module("decoder.conv1", decoder_conv1_);
  register_module("decoder.norm1", decoder_norm1_);
  register_module("decoder.conv2", decoder_conv2_);
  register_module("decoder.norm2", decoder_norm2_);
  register_module("decoder.conv3", decoder_conv3_);
  // The layers start as PyTorch's do; this model starts as it was published.
  for (const auto& [name, parameter] : parameters()) {
    const Tensor& value = parameter.value();
    if (value.shape().rank() > 1) value.copy_from(init.glorot_uniform(value.shape()));
    if (name.ends_with(".bias")) value.copy_from(Tensor::zeros(value.shape(), value.dtype(), value.device()));
  }
}

Variable MnistAutoencoder::encode(const Variable& x, bool training) const {
  const MaxPool3dParams pool{.kernel = {1, 2, 2}};
  Variable h = encoder_norm1_(max_pool3d(relu(encoder_conv1_(x)), pool), training);
  h = encoder_norm2_(max_pool3d(relu(encoder_conv2_(h)), pool), training);
  return encoder_dense_(flatten(h));
}

Variable MnistAutoencoder::decode(const Variable& latent, bool training) const {
  const Upsample3dParams twice{.scale = {1, 2, 2}};
  const int64_t side = options_.size / kPooled;
  Variable h = reshape(decoder_dense_(latent), {latent.shape()[0], options_.filters[1], 1, side, side});
  h = decoder_norm1_(upsample3d(relu(decoder_conv1_(h)), twice), training);
  h = decoder_norm2_(upsample3d(relu(decoder_conv2_(h)), twice), training);
  return sigmoid(decoder_conv3_(h));
}

MnistAutoencoder::Result MnistAutoencoder::forward(const Variable& x, Mode mode) const {
  const Range range("mnist_autoencoder");
  const Shape& shape = x.shape();
  if (shape.rank() != 5 || shape != Shape{shape[0], 1, 1, options_.size, options_.size})
    throw ShapeError("[mnist_autoencoder] expects pictures [N,1,1,{},{}], found {}", options_.size,
                     options_.size, x.value().str());
  const bool training = mode == Mode::training;
  const Variable latent = encode(x, training);
  return {latent, decode(latent, training)};
}

}  // namespace primal
