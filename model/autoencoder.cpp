#include "model/autoencoder.h"

#include "model/checkpoint_format.h"
#include "tensor/error.h"

namespace primal {

Autoencoder::Autoencoder(const AutoencoderSettings& settings, Initialiser& init) : settings_(settings) {
  const int64_t f = settings.first_filters();
  if (settings.layout == "mnist") {
    const MnistAutoencoderOptions options{
        .filters = {f, 2 * f}, .latent = settings.latent, .size = settings.size};
    mnist_ = std::make_unique<MnistAutoencoder>(options, init);
  } else {
    const CastingAutoencoderOptions options{.filters = {f, 2 * f, 4 * f}};
    casting_ = std::make_unique<CastingAutoencoder>(options, init);
  }
}

const Module& Autoencoder::module() const {
  if (mnist_ != nullptr) return *mnist_;
  return *casting_;
}

Variable Autoencoder::forward(const Variable& x, Mode mode) const {
  return mnist_ != nullptr ? mnist_->forward(x, mode).y : casting_->forward(x, mode);
}

Tensor Autoencoder::denoise(const Tensor& x) const {
  const NoGrad no_grad;
  return forward(x.to(module().device()), Mode::inference).value().to(Device{});
}

Tensor Autoencoder::latent(const Tensor& x) const {
  if (mnist_ == nullptr)
    throw ConfigError("[autoencoder] the layout {} has no latent vector", settings_.layout);
  const NoGrad no_grad;
  return mnist_->forward(x.to(module().device()), Mode::inference).latent.value().to(Device{});
}

bool has_autoencoder(const std::filesystem::path& path) {
  const std::string found = architecture_in(Safetensors::read(path));
  return found == kMnistAutoencoder || found == kCastingAutoencoder;
}

Autoencoder load_autoencoder(const std::filesystem::path& path, Device device) {
  const Safetensors file = read_checked(path);
  const bool is_mnist = architecture_in(file) == kMnistAutoencoder;
  require_architecture(file, is_mnist ? kMnistAutoencoder : kCastingAutoencoder);
  AutoencoderSettings settings;
  read_settings(file, autoencoder_keys(settings), "autoencoder.");
  require_architecture(file, architecture_of(settings));
  Initialiser init(0, DType::f32, device);
  Autoencoder model(settings, init);
  load_model_state(file, model.module());
  return model;
}

}  // namespace primal
