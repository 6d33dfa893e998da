#include "apps/evaluation/evaluation.h"

namespace primal {
Tensor noisy_picture(const Tensor& clean, int64_t i, const EvaluationSettings& settings) {
  return add_noise(clean, settings.noise_kind, settings.noise,
                   NoiseKey{settings.seed, settings.noise_epoch, static_cast<uint32_t>(i)});
}

Scores map_scores(const UnrolledTv& model, const Dataset& pictures, int64_t i,
                  const EvaluationSettings& settings) {
  const NoGrad no_grad;
  const Tensor clean = pictures.clean(i), noisy = noisy_picture(clean, i, settings);
  return scores_of(model.forward(noisy.to(model.device()), settings.tile).denoised.value().to(Device{}),
                   clean);
}

Evaluation evaluate_picture(const UnrolledTv& model, const Dataset& pictures, int64_t i,
                            const EvaluationSettings& settings, EvaluatedPictures* keep) {
  const Tensor clean = pictures.clean(i);
  const Tensor noisy = noisy_picture(clean, i, settings);
  const Device device = model.device();
  const Tensor noisy_there = noisy.to(device);
  const LambdaSearch search = search_lambda(noisy_there, clean.to(device), settings.grid,
                                            settings.scalar_iterations, model.options().boundary);
  const NoGrad no_grad;
  const UnrolledTv::Result result = model.forward(noisy_there, settings.tile);
  const Tensor denoised = result.denoised.value().to(Device{});
  if (keep != nullptr)
    *keep = {clean, noisy, search.by_psnr.x, denoised, result.lambda.value().to(Device{}), search};
  return {.name = pictures.name(i),
          .noisy = scores_of(noisy, clean),
          .map = scores_of(denoised, clean),
          .lambda_by_psnr = search.lambdas[search.by_psnr.index],
          .lambda_by_ssim = search.lambdas[search.by_ssim.index],
          .by_psnr = search.scores[search.by_psnr.index],
          .by_ssim = search.scores[search.by_ssim.index]};
}

}  // namespace primal
