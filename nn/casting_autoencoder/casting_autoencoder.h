// CastingAutoencoder: an encoder-decoder network that removes noise from pictures of any size.
//
//   encoder  conv C -> F0 -> F1 -> F2, each 3x3, stride 2, padding 1, ReLU
//   decoder  transposed conv F2 -> F1 -> F0 -> C, each 3x3, stride 2, padding 1, output padding 1, ReLU,
//            the last sigmoid
//
// A side that 8 does not divide is padded by reflection below and to the right to the next multiple,
// and the result cropped back; a picture too short for its reflection is padded with its edge.
// Weights start as PyTorch's do.
//
// Shapes:  x [N,C,1,H,W] -> y [N,C,1,H,W] in (0,1). F = 64, 128, 256, one channel: 739,073 parameters.
// Names:   encoder.0, encoder.1, encoder.2, decoder.0, decoder.1, decoder.2.
// Errors:  ConfigError for sizes below 1; ShapeError for other channels or a depth other than 1.
#pragma once

#include <array>
#include <cstdint>

#include "nn/conv3d/conv3d.h"
#include "nn/conv_transpose3d/conv_transpose3d.h"
#include "nn/module.h"

namespace primal {

struct CastingAutoencoderOptions {
  int64_t channels = 1;
  std::array<int64_t, 3> filters{64, 128, 256};  // F
};

class CastingAutoencoder : public Module {
 public:
  CastingAutoencoder(const CastingAutoencoderOptions& options, Initialiser& init);

  // The same in both modes.
  Variable forward(const Variable& x, Mode mode = Mode::inference) const;

  const CastingAutoencoderOptions& options() const { return options_; }

 private:
  CastingAutoencoderOptions options_;
  Conv3d encoder0_, encoder1_, encoder2_;
  ConvTranspose3d decoder0_, decoder1_, decoder2_;
};

// Golden cases `casting_autoencoder` and `casting_autoencoder_training`.
OpInfo casting_autoencoder_info();
OpInfo casting_autoencoder_training_info();

}  // namespace primal
