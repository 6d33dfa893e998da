// LambdaCurve: PSNR and SSIM over the scalar lambdas of a grid, of one picture or as means over several, and what is printed and drawn of
// it.
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
  std::vector<Scores> scores;       // of each lambda
  size_t by_psnr = 0, by_ssim = 0;  // indices of the best

  // A best at the end of the grid may lie beyond it.
  bool ends_at_the_edge() const {
    return lambdas.size() > 1 && (by_psnr + 1 == lambdas.size() || by_ssim + 1 == lambdas.size());
  }
};

// The smallest lambda where several are equal; values that are not numbers are passed over.
LambdaCurve lambda_curve(std::vector<double> lambdas, const Scores& noisy, std::vector<Scores> scores);

std::string table_of(const LambdaCurve& curve);
std::string csv_of(const LambdaCurve& curve);
nlohmann::json json_of(const LambdaCurve& curve);
// Without the curves that have no finite point: the PSNR of a constant picture, which gets no relative noise, is infinite throughout.
// DataError where nothing is left.
Figure figure_of(const LambdaCurve& curve);

}  // namespace primal
