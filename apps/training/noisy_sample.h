// One picture of a batch, made ready for the loss of the denoising task (denoising_loss.h has the names).
//
//   noise     that of data/noise from (seed, epoch, sample); the second noise of noise2noise has a stream of
//             its own, so that it is independent of the first
//   sigma     training.sigma where it is given; else what was added (relative: s std(x)), where noise was;
//             else, and with training.estimate_sigma, estimated from z (data/noise_estimate)
//   probe     b, +1 or -1 from (seed, epoch, sample); eps = training.probe_step times sigma, or times 1 where
//             sigma is 0: then b has no weight
//   moved     z + eps b, computed on the CPU
// Everything is a function of the settings and the key alone, so a resumed training has the same bits.
#pragma once

#include <optional>

#include "apps/training/config.h"
#include "apps/training/denoising_loss.h"
#include "data/noise/noise.h"
#include "tensor/op/op.h"

namespace primal {

struct PictureSource {
  Tensor picture;  // [1,1,1,H,W]: clean where noise is drawn
  Tensor partner =
      {};  // its noisy picture from a manifest: `picture` is then the clean or the second noisy one
  double level = 0.0;  // s of the noise
  NoiseKey key = {};
  std::optional<double> sigma = {};  // known from before
};

// "noisy" and what else the loss reads, on the picture's device, each for one picture.
TensorMap noisy_sample(const TrainConfig& config, DenoisingLoss loss, const PictureSource& source);

}  // namespace primal
