#include "apps/training/denoising_loss.h"

#include "data/noise_estimate/noise_estimate.h"
#include "nn/mse_loss/mse_loss.h"
#include "nn/sure_loss/sure_loss.h"
#include "tensor/error.h"

namespace primal {
namespace {

void check_sure(const TrainConfig& config) {
  const TrainConfig::Training& t = config.training;
  if (!draws_noise(config) && config.data.folder.empty() && config.data.manifest.empty()) {
    throw ConfigError(
        "[config] training.loss sure with noise.high 0 takes the pictures as noisy, but phantoms have no "
        "noise: name a folder of noisy pictures with data.folder, or let noise be added with noise.high > 0");
  }
  if (t.sigma > 0.0 && t.estimate_sigma)
    throw ConfigError("[config] training.sigma {} and training.estimate_sigma: give only one of them",
                      t.sigma);
  const bool estimates = t.sigma == 0.0 && (t.estimate_sigma || !draws_noise(config));
  if (estimates && config.data.size < kMinNoiseSide) {
    throw ConfigError(
        "[config] training.loss sure needs the deviation of the noise, and pictures of {0} x {0} pixels are "
        "too small to estimate it from (at least {1} x {1}): give it with training.sigma",
        config.data.size, kMinNoiseSide);
  }
}

}  // namespace

DenoisingLoss parse_denoising_loss(const std::string& name) {
  if (name == "mse") return DenoisingLoss::mse;
  if (name == "sure") return DenoisingLoss::sure;
  if (name == "noise2noise") return DenoisingLoss::noise2noise;
  throw ConfigError("[config] unknown training.loss \"{}\": mse, sure or noise2noise", name);
}

bool draws_noise(const TrainConfig& config) {
  return config.data.manifest.empty() && config.noise.high > 0.0;
}

bool has_clean_pictures(const TrainConfig& config) {
  switch (parse_denoising_loss(config.training.loss)) {
    case DenoisingLoss::mse:
      return true;
    case DenoisingLoss::sure:
      return draws_noise(config) || !config.data.manifest.empty();
    case DenoisingLoss::noise2noise:
      return draws_noise(config);
  }
  return true;
}

void check_denoising_loss(const TrainConfig& config) {
  const DenoisingLoss loss = parse_denoising_loss(config.training.loss);
  const TrainConfig::Training& t = config.training;
  if (loss == DenoisingLoss::sure) return check_sure(config);
  if (t.sigma > 0.0 || t.estimate_sigma) {
    throw ConfigError("[config] training.{} is for training.loss sure, but this training has {}",
                      t.sigma > 0.0 ? fmt::format("sigma {}", t.sigma) : "estimate_sigma", t.loss);
  }
  if (loss == DenoisingLoss::noise2noise && config.data.manifest.empty() && !draws_noise(config)) {
    throw ConfigError(
        "[config] training.loss noise2noise needs two noisy pictures of each thing, but noise.high is 0: "
        "name a table of pairs with data.manifest, or let noise be added with noise.high > 0");
  }
}

std::vector<std::string> batch_names(DenoisingLoss loss) {
  if (loss == DenoisingLoss::sure) return {"noisy", "moved", "probe", "sigma", "eps"};
  return {"noisy", loss == DenoisingLoss::mse ? "clean" : "second"};
}

Variable denoising_loss(const UnrolledTv& model, const TensorMap& batch, DenoisingLoss loss) {
  const Variable f = model.forward(batch.at("noisy")).denoised;
  if (loss == DenoisingLoss::mse) return mse_loss(f, batch.at("clean"));
  if (loss == DenoisingLoss::noise2noise) return mse_loss(f, batch.at("second"));
  return sure_loss(f, model.forward(batch.at("moved")).denoised,
                   {batch.at("noisy"), batch.at("probe"), batch.at("sigma"), batch.at("eps")});
}

TrainingPlan plan_denoising(const UnrolledTv& model, const Shape& z, DenoisingLoss loss) {
  return plan_training(model, z, loss == DenoisingLoss::sure ? StepLoss::sure : StepLoss::mse);
}

}  // namespace primal
