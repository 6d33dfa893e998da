// LambdaCurve: PSNR and SSIM over the scalar lambdas of a grid, for one picture or as means over several,
// with its table, CSV, JSON and figure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "apps/scores/scores.h"
#include "data/figure/figure.h"

namespace primal {

struct LambdaCurve {
  std::vector<double> lambdas;
  Scores noisy;
  std::vector<Scores> scores;       // for each lambda
  size_t by_psnr = 0, by_ssim = 0;  // indices of the best lambdas

  // True if the largest lambda of the grid is a best one: a larger lambda may then be better.
  bool ends_at_the_edge() const {
    return lambdas.size() > 1 && (by_psnr + 1 == lambdas.size() || by_ssim + 1 == lambdas.size());
  }
};

// If several lambdas have the best score, the smallest of them counts. Scores that are not numbers are
// ignored.
LambdaCurve lambda_curve(std::vector<double> lambdas, const Scores& noisy, std::vector<Scores> scores);

std::string table_of(const LambdaCurve& curve);
std::string csv_of(const LambdaCurve& curve);
nlohmann::json json_of(const LambdaCurve& curve);
// The figure leaves out a curve without finite points: a constant picture gets no relative noise, so its PSNR
// is infinite for each lambda.
// Throws DataError if no curve remains.
Figure figure_of(const LambdaCurve& curve);

}  // namespace primal
