// MnistAutoencoder: a convolutional autoencoder that removes noise from small square pictures, as handwritten
// digits are.
//
//   encoder  conv 1 -> F0, ReLU, max-pool 2, batch norm;  conv F0 -> F1, ReLU, max-pool 2, batch norm;
//            flatten;  dense F1 (S/4)^2 -> latent
//   decoder  dense latent -> F1 (S/4)^2, as [F1,1,S/4,S/4];  conv F1 -> F1, ReLU, upsample 2, batch norm;
//            conv F1 -> F0, ReLU, upsample 2, batch norm;  conv F0 -> 1, sigmoid
//
// All kernels are 1x3x3 with zero padding 1; upsampling takes the nearest cell. Weights are Glorot
// uniform and biases zero at first, batch normalisation has eps 1e-3 and momentum 0.01: the defaults of
// the framework in which the model was published (its momentum of 0.99 is what the running statistics
// keep). There the running variance takes the batch's variance divided by M; here, as in PyTorch, it
// takes the one divided by M - 1.
//
// Shapes:  x [N,1,1,S,S] -> latent [N,latent], y [N,1,1,S,S] in (0,1).
//          F = 32, 64, S = 28, latent 128: encoder 420,736 and decoder 460,609 numbers, together 881,345, of
//          which 384 are running statistics.
// Names:   encoder.conv1, encoder.norm1, encoder.conv2, encoder.norm2, encoder.dense, decoder.dense,
//          decoder.conv1, decoder.norm1, decoder.conv2, decoder.norm2, decoder.conv3.
// Errors:  ConfigError for sizes below 1 and a side that 4 does not divide; ShapeError for
//          pictures of another shape.
// Source:  the published summary prints layers and shapes; pooling and activations are inferred from it.
#pragma once

#include <array>
#include <cstdint>

#include "nn/batch_norm/batch_norm.h"
#include "nn/conv3d/conv3d.h"
#include "nn/linear/linear.h"
#include "nn/module.h"

namespace primal {

struct MnistAutoencoderOptions {
  std::array<int64_t, 2> filters{32, 64};  // F
  int64_t latent = 128;
  int64_t size = 28;  // S
};

class MnistAutoencoder : public Module {
 public:
  MnistAutoencoder(const MnistAutoencoderOptions& options, Initialiser& init);

  struct Result {
    Variable latent, y;
  };
  // In training mode the running statistics change.
  Result forward(const Variable& x, Mode mode) const;

  const MnistAutoencoderOptions& options() const { return options_; }

 private:
  Variable encode(const Variable& x, bool training) const;
  Variable decode(const Variable& latent, bool training) const;

  MnistAutoencoderOptions options_;
  Conv3d encoder_conv1_;
  BatchNorm3d encoder_norm1_;
  Conv3d encoder_conv2_;
  BatchNorm3d encoder_norm2_;
  Linear encoder_dense_, decoder_dense_;
  Conv3d decoder_conv1_;
  BatchNorm3d decoder_norm1_;
  Conv3d decoder_conv2_;
  BatchNorm3d decoder_norm2_;
  Conv3d decoder_conv3_;
};

// Golden cases `mnist_autoencoder` and `mnist_autoencoder_training`.
OpInfo mnist_autoencoder_info();
OpInfo mnist_autoencoder_training_info();

}  // namespace primal
