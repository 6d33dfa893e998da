// What the denoising task learns from (training.loss): f is the model, z a noisy picture, n its pixels.
//
//   mse           clean pictures x: 1/n ||f(z) - x||^2, z = x with noise
//   sure          noisy pictures alone: Stein's estimate of the same error (nn/sure_loss); two runs of f
//   noise2noise   two noisy pictures of each thing: 1/n ||f(z1) - z2||^2
//
// Source: J. Lehtinen et al., "Noise2Noise: learning image restoration without clean data", ICML 2018.
#pragma once

#include <string>
#include <vector>

#include "apps/training/config.h"
#include "nn/unrolled_tv/training_plan.h"
#include "nn/unrolled_tv/unrolled_tv.h"

namespace primal {

enum class DenoisingLoss { mse, sure, noise2noise };
DenoisingLoss parse_denoising_loss(const std::string& name);  // ConfigError for another name

// ConfigError for settings that the loss cannot work with: no noise, no way to its deviation, a
// sigma that nothing reads.
void check_denoising_loss(const TrainConfig& config);

// Whether noise is added to the pictures of data.folder; otherwise they are noisy as they are.
bool draws_noise(const TrainConfig& config);
// Whether validation has clean pictures to score against, if a manifest names them.
bool has_clean_pictures(const TrainConfig& config);

// What a batch has:  mse          "noisy", "clean"
//                    noise2noise  "noisy", "second"
//                    sure         "noisy", "moved" (z + eps b), "probe" (b), "sigma" and "eps" ([N])
std::vector<std::string> batch_names(DenoisingLoss loss);
Variable denoising_loss(const UnrolledTv& model, const TensorMap& batch,
                        DenoisingLoss loss = DenoisingLoss::mse);

// A step with this loss, rehearsed.
TrainingPlan plan_denoising(const UnrolledTv& model, const Shape& z, DenoisingLoss loss);

}  // namespace primal
