// A network that makes a clean picture from a noisy one directly: nn/mnist_autoencoder or
// nn/casting_autoencoder, as its settings say.
//
//   const Autoencoder model = load_autoencoder("runs/mnist/best.safetensors");
//   const Tensor clean = model.denoise(noisy);      // [N,1,1,H,W] in (0,1), on the CPU
//
// Errors: those of load_model (model_file.h), and a DataError that names both tasks for a model of
//         another one.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "model/model_settings.h"
#include "nn/casting_autoencoder/casting_autoencoder.h"
#include "nn/mnist_autoencoder/mnist_autoencoder.h"

namespace primal {

class Autoencoder {
 public:
  Autoencoder(const AutoencoderSettings& settings, Initialiser& init);

  const AutoencoderSettings& settings() const { return settings_; }
  const Module& module() const;
  Variable forward(const Variable& x, Mode mode) const;
  // Inference, wherever the model lives.
  Tensor denoise(const Tensor& x) const;
  // The latent vectors [N,latent] of pictures; ConfigError for a layout that has none.
  Tensor latent(const Tensor& x) const;

 private:
  AutoencoderSettings settings_;
  std::unique_ptr<MnistAutoencoder> mnist_;  // one of the two
  std::unique_ptr<CastingAutoencoder> casting_;
};

// Whether a file has such a model, by its metadata.
bool has_autoencoder(const std::filesystem::path& path);

Autoencoder load_autoencoder(const std::filesystem::path& path, Device device = {});

}  // namespace primal
