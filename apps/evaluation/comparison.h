// The comparison of one picture, side by side: clean, noisy, best scalar by PSNR, map, and Lambda
// on a log scale with a bar; below, the middle of each enlarged, where the difference is seen.
// Labels give PSNR in dB / SSIM.
#pragma once

#include "apps/evaluation/evaluation.h"
#include "data/figure/figure.h"

namespace primal {

Figure comparison_figure(const Evaluation& scores, const EvaluatedPictures& pictures);

// PSNR and SSIM of scalar TV over lambda, with the best lambda marked and the map's and the noisy
// picture's values as lines.
Figure search_figure(const Evaluation& scores, const EvaluatedPictures& pictures);

// Lambda in colour on a linear and on a logarithmic scale, and the histogram of log10 Lambda in
// the colours of its values.
Figure lambda_figure(const EvaluatedPictures& pictures);

}  // namespace primal
