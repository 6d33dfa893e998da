// The scalar lambdas of a grid, tried on one noisy picture against its clean one
// (solvers/grid_search, one batched problem).
#pragma once

#include <string>
#include <vector>

#include "apps/scores/scores.h"
#include "model/denoise.h"
#include "solvers/boundary/boundary.h"
#include "tensor/tensor.h"

namespace primal {

// "LOW:HIGH:N": N weights from LOW to HIGH, both included.
struct LambdaGrid {
  double low = 0.0, high = 0.8;  // the dissertation's
  int64_t n = 81;
};
inline constexpr const char* kDefaultGrid = "0:0.8:81";
LambdaGrid parse_lambda_grid(
    const std::string& text);  // ConfigError for another form, 0 <= LOW <= HIGH <= 100, N from 1

// The lambdas of the grid, rounded to 12 digits: 0.07 instead of 0.06999999999999999, which the
// arithmetic of the grid gives.
std::vector<double> lambdas_of(const LambdaGrid& grid);

struct LambdaSearch {
  struct Best {
    size_t index;  // into lambdas
    Tensor x;      // the picture there
  };
  std::vector<double> lambdas;  // lambdas_of() the grid
  std::vector<Scores> scores;   // of each lambda
  Best by_psnr, by_ssim;        // the smallest lambda where several are equal
};

// z, clean [1,1,1,H,W]; each lambda takes n_iter iterations of PDHG from its usual start, with its usual
// steps. z and clean on one device; the pictures of the result are on the CPU.
// watch("lambda", done, total) is called after each lambda.
LambdaSearch search_lambda(const Tensor& z, const Tensor& clean, const LambdaGrid& grid, int64_t n_iter,
                           Boundary boundary, const Watch& watch = {});

// The best PSNR and the best SSIM of LambdaGrid's 81 lambdas, each with its own lambda, from every
// fifth of them and the neighbours of the best: the same where a score rises to one maximum and
// falls, as it does for TV.
Scores best_scalar_scores(const Tensor& z, const Tensor& clean, Boundary boundary, int64_t n_iter = 256);

}  // namespace primal
