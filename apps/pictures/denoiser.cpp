#include "apps/pictures/denoiser.h"

#include "apps/training/checkpoint.h"
#include "data/image/image.h"
#include "solvers/pdhg/pdhg.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr int64_t kMostIterations = 10000;  // with a gap, where nobody said otherwise

Denoised solve(const Tensor& z, const Tensor& lambda, PdhgParams params, const DenoiserOptions& options) {
  Denoised result{lambda, {}, options.iterations > 0 ? options.iterations : params.n_iter, {}};
  if (options.gap > 0.0) {
    params.n_iter = options.iterations > 0 ? options.iterations : kMostIterations;
    const PdhgState state = pdhg_start(z, params);
    const PdhgReport report = pdhg_solve(z, lambda, params, state, {.relative_gap = options.gap});
    result.iterations = report.iterations;
    // A constant picture has objective 0 and gap 0: solved.
    result.relative_gap = report.gap[0] > 0.0 ? report.gap[0] / report.objective[0] : 0.0;
    result.x = state.x;
  } else {
    params.n_iter = result.iterations;
    result.x = pdhg_solve(z, lambda, params);
  }
  return result;
}

}  // namespace

Denoiser::Denoiser(const DenoiserOptions& options) : options_(options) {
  if (options.lambda) return;
  std::error_code error;
  if (std::filesystem::is_directory(options.model, error)) {
    throw IoError(
        "[model] {} is a folder, expected a checkpoint, as {}/best.safetensors; for scalar TV without a "
        "model give --lambda",
        options.model.string(), options.model.string());
  }
  if (has_image_extension(options.model)) {
    throw DataError(
        "[model] {} is named as a picture, expected a checkpoint: MODEL comes before the pictures; for "
        "scalar "
        "TV without a model give --lambda",
        options.model.string());
  }
  model_ = load_model(options.model, {}, options.device);
  config_ = model_config(options.model);
}

Denoised Denoiser::operator()(const Tensor& z) const {
  const NoGrad no_grad;
  Denoised result = denoise(z.to(options_.device));
  result.x = result.x.to(Device{});
  result.lambda = result.lambda.to(Device{});
  return result;
}

MapPlan Denoiser::plan(const Shape& z) const {
  return model_ == nullptr ? MapPlan{} : plan_map(*model_, z, options_.tiling);
}

Denoised Denoiser::denoise(const Tensor& z) const {
  if (model_ == nullptr)
    return solve(z, Tensor::full({}, *options_.lambda, DType::f32, z.device()), {}, options_);
  const int64_t tile = plan(z.shape()).tile;
  if (options_.iterations == 0 && options_.gap == 0.0) {
    const UnrolledTv::Result result = model_->forward(z, tile);
    return {result.lambda.value(), result.denoised.value(), model_->options().n_iter, {}};
  }
  // The model's map and steps, another number of iterations.
  const UnrolledTv::Steps steps = model_->steps();
  PdhgParams params{.n_iter = model_->options().n_iter,
                    .sigma = steps.sigma,
                    .tau = steps.tau,
                    .theta = steps.theta,
                    .axes = model_->options().axes};
  params.p_start = model_->options().start;
  return solve(z, tile > 0 ? model_->map_in_tiles(z, tile) : model_->map_of(z).value(), params, options_);
}

}  // namespace primal
