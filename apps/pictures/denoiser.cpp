#include "apps/pictures/denoiser.h"

#include <fmt/format.h>

#include "apps/scores/lambda_search.h"
#include "apps/training/checkpoint.h"
#include "apps/training/model_choice.h"
#include "data/formats/formats.h"
#include "data/safetensors/safetensors.h"
#include "solvers/pdhg/pdhg.h"
#include "tensor/error.h"
#include "tensor/threads/thread_share.h"

namespace primal {

Denoiser::Denoiser(const DenoiserOptions& options) : options_(options) {
  if (options.boundary) boundary_ = *options.boundary;
  if (options.lambda) return;
  if (has_raster_extension(options.model)) {
    throw DataError(
        "[model] {} is named as a picture, expected a checkpoint: MODEL comes before the pictures; for "
        "scalar TV without a model give --lambda",
        options.model.string());
  }
  file_ = model_file(options.model, options.quiet);
  if (has_autoencoder(file_)) {
    if (options.iterations > 0 || options.gap > 0.0 || options.boundary || options.tiling.text != "auto") {
      throw ConfigError(
          "[model] {} is an autoencoder (task reconstruct): --iterations, --gap, --boundary and --tile "
          "belong to unrolled TV (task denoise)",
          file_.string());
    }
    if (options.refine)
      throw ConfigError("[model] {} is an autoencoder, which has no map that --refine could refine",
                        file_.string());
    autoencoder_ = std::make_unique<Autoencoder>(load_autoencoder(file_, options.device));
    const Safetensors file = Safetensors::read(file_);
    config_ = checkpoint_config(file);
    checksum_ = fmt::format("{:08x}", file.crc32());
    return;
  }
  model_ = load_model(file_, {}, options.device);
  config_ = model_config(file_);
  checksum_ = fmt::format("{:08x}", Safetensors::read(file_).crc32());
  if (!options.boundary) boundary_ = model_->options().boundary;
}

bool Denoiser::refines() const {
  return options_.refine.value_or(model_ != nullptr && model_->options().refine);
}

DenoisingOptions Denoiser::options_for(const Shape& z, const Watch& watch, const Tensor& variance) const {
  return {.iterations = options_.iterations,
          .gap = options_.gap,
          .tile = plan(z).tile,
          .boundary = boundary_,
          .refine = variance.defined(),
          .variance = variance,
          .watch = watch};
}

Denoised Denoiser::operator()(const Tensor& z, const Watch& watch, std::optional<double> lambda,
                              const Tensor& variance) const {
  const DeviceTurn mine = turn();
  if (autoencoder_ != nullptr) return {Tensor::scalar(0.0), autoencoder_->denoise(z)};
  const DenoisingOptions options = options_for(z.shape(), watch, variance);
  if (model_ != nullptr) return denoise(*model_, z, options);
  const double weight = lambda.value_or(*options_.lambda);
  Denoised result = denoise(weight, z.to(options_.device), options);
  if (refines() && !result.has_map()) result.lambda = Tensor::full(z.shape(), weight);  // kept as it is
  return result;
}

Denoised Denoiser::with_map_of(const Tensor& guide, const Tensor& z, double factor, const Watch& watch,
                               const Tensor& variance) const {
  const DeviceTurn mine = turn();
  return denoise_with_map_of(*model_, guide, z, factor, options_for(guide.shape(), watch, variance));
}

LambdaChoiceParams Denoiser::choice_params(uint64_t seed) const {
  LambdaChoiceParams params{.boundary = boundary_, .seed = seed};
  if (options_.gap == 0.0 && options_.iterations > 0) params.pdhg.n_iter = options_.iterations;
  return params;
}

Scores Denoiser::best_scalar(const Tensor& z, const Tensor& clean) const {
  const DeviceTurn mine = turn();
  return best_scalar_scores(z.to(options_.device), clean.to(options_.device), boundary_,
                            choice_params(0).pdhg.n_iter);
}

MapPlan Denoiser::plan(const Shape& z) const {
  if (model_ == nullptr) return {};
  std::vector<int64_t> shape;
  for (int a = 0; a < z.rank(); ++a) shape.push_back(z[a]);
  const std::lock_guard lock(mutex_);
  const auto [known, is_new] = plans_.try_emplace(shape);
  if (is_new) {
    const ThreadShare all(0);
    known->second = plan_map(*model_, z, options_.tiling);
  }
  return known->second;
}

int64_t Denoiser::default_iterations() const {
  return model_ == nullptr ? PdhgParams{}.n_iter : model_->options().n_iter;
}

}  // namespace primal
