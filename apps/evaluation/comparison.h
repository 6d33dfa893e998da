// The comparison of one picture, side by side: clean, noisy, best scalar by PSNR, map, and Lambda on a log scale with a bar;
// below, the middle of each enlarged, where the difference is seen. Labels give PSNR in dB / SSIM.
#pragma once

#include "apps/evaluation/evaluation.h"
#include "data/image/image.h"

namespace primal {

Image comparison_figure(const Evaluation& scores, const EvaluatedPictures& pictures);

}  // namespace primal
