#include "apps/evaluation/evaluation.h"

#include "model/denoise.h"

namespace primal {
namespace {

Denoised denoised_by(const UnrolledTv& model, const Tensor& noisy, const EvaluationSettings& settings) {
  return denoise(model, noisy, {.tile = settings.tile, .refine = settings.refine});
}

}  // namespace

Tensor noisy_picture(const Tensor& clean, int64_t i, const EvaluationSettings& settings) {
  return add_noise(clean, settings.noise_kind, settings.noise,
                   NoiseKey{settings.seed, settings.noise_epoch, static_cast<uint32_t>(i)});
}

Scores map_scores(const UnrolledTv& model, const Dataset& pictures, int64_t i,
                  const EvaluationSettings& settings) {
  const Tensor clean = pictures.clean(i);
  return scores_of(denoised_by(model, noisy_picture(clean, i, settings), settings).x, clean);
}

Evaluation evaluate_picture(const UnrolledTv& model, const Dataset& pictures, int64_t i,
                            const EvaluationSettings& settings, EvaluatedPictures* keep) {
  const Tensor clean = pictures.clean(i);
  const Tensor noisy = noisy_picture(clean, i, settings);
  const Device device = model.device();
  const LambdaSearch search = search_lambda(noisy.to(device), clean.to(device), settings.grid,
                                            settings.scalar_iterations, model.options().boundary);
  const Denoised result = denoised_by(model, noisy, settings);
  if (keep != nullptr) *keep = {clean, noisy, search.by_psnr.x, result.x, result.lambda, search};
  return {.name = pictures.name(i),
          .noisy = scores_of(noisy, clean),
          .map = scores_of(result.x, clean),
          .lambda_by_psnr = search.lambdas[search.by_psnr.index],
          .lambda_by_ssim = search.lambdas[search.by_ssim.index],
          .by_psnr = search.scores[search.by_psnr.index],
          .by_ssim = search.scores[search.by_ssim.index]};
}

}  // namespace primal
