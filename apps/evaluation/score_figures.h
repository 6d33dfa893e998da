// The scores of all pictures of an evaluation as figures.
#pragma once

#include <string>
#include <vector>

#include "apps/evaluation/evaluation.h"
#include "apps/evaluation/report.h"
#include "data/figure/figure.h"

namespace primal {

// Box plots of PSNR and SSIM over the pictures: noisy, the best scalar by that score, and the map of each
// model, whose names are those of summarise().
Figure score_boxes(const std::vector<Evaluation>& rows, const std::vector<std::string>& models);

// Histograms of map - best scalar over the pictures, of both scores, with the mean and zero as lines.
Figure gain_histograms(const std::vector<Evaluation>& rows, const EvaluationSummary& summary);

}  // namespace primal
