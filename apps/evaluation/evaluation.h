// What a map is compared with on one picture: the noisy picture, and scalar TV with the lambda that is best
// for that very picture, once by PSNR and once by SSIM. Choosing with the clean picture in hand favours the
// scalar: a map that wins against it wins against every scalar. Both have the model's boundary.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/scores/lambda_search.h"
#include "data/dataset/dataset.h"
#include "data/noise/noise.h"
#include "nn/unrolled_tv/unrolled_tv.h"

namespace primal {

struct EvaluationSettings {
  NoiseKind noise_kind = NoiseKind::relative;
  double noise = 0.5;
  uint64_t seed = 42;
  uint32_t noise_epoch = 0;  // of the noise's key
  LambdaGrid grid;
  int64_t scalar_iterations = 256;  // of PDHG for each lambda of the grid
  int64_t tile = 0;                 // of the network's work, 0: as a whole
  std::optional<bool> refine =
      {};  // the map, as `primal denoise` does (model/denoise.h); default: as each model says
};

// The scores of one picture.
struct Evaluation {
  std::string name;
  Scores noisy, map;
  double lambda_by_psnr = 0.0, lambda_by_ssim = 0.0;
  Scores by_psnr, by_ssim;              // of the scalar lambda that is best by the one, by the other
  std::vector<Scores> other_maps = {};  // of further models, on the same noisy picture

  // Two perfect results, of infinite PSNR, are equal.
  double psnr_gain() const { return map.psnr == by_psnr.psnr ? 0.0 : map.psnr - by_psnr.psnr; }
  double ssim_gain() const { return map.ssim - by_ssim.ssim; }
};

struct EvaluatedPictures {
  Tensor clean, noisy, scalar, denoised, lambda;  // scalar: the best by PSNR
  LambdaSearch search = {};                       // of the scalars
};

// Picture i of the data set, whose clean values are given, with the noise of (seed, picture i): that of
// `primal denoise --noise`.
Tensor noisy_picture(const Tensor& clean, int64_t i, const EvaluationSettings& settings);

// What the map of a model does for picture i of the data set.
Scores map_scores(const UnrolledTv& model, const Dataset& pictures, int64_t i,
                  const EvaluationSettings& settings);

Evaluation evaluate_picture(const UnrolledTv& model, const Dataset& pictures, int64_t i,
                            const EvaluationSettings& settings, EvaluatedPictures* keep = nullptr);

}  // namespace primal
