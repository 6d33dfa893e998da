#include "apps/evaluation/evaluation.h"

namespace primal {

Evaluation evaluate_picture(const UnrolledTv& model, const Dataset& pictures, int64_t i,
                            const EvaluationSettings& settings, EvaluatedPictures* keep) {
  const Tensor clean = pictures.clean(i);
  const Tensor noisy = add_noise(clean, settings.noise_kind, settings.noise,
                                 NoiseKey{settings.seed, settings.noise_epoch, static_cast<uint32_t>(i)});
  const Device device = model.device();
  const Tensor noisy_there = noisy.to(device);
  const LambdaSearch search =
      search_lambda(noisy_there, clean.to(device), settings.grid, settings.scalar_iterations);
  const NoGrad no_grad;
  const UnrolledTv::Result result = model.forward(noisy_there, settings.tile);
  const Tensor denoised = result.denoised.value().to(Device{});
  if (keep != nullptr) *keep = {clean, noisy, search.by_psnr.x, denoised, result.lambda.value().to(Device{})};
  return {.name = pictures.name(i),
          .noisy = scores_of(noisy, clean),
          .map = scores_of(denoised, clean),
          .lambda_by_psnr = search.lambdas[search.by_psnr.index],
          .lambda_by_ssim = search.lambdas[search.by_ssim.index],
          .by_psnr = search.scores[search.by_psnr.index],
          .by_ssim = search.scores[search.by_ssim.index]};
}

}  // namespace primal
