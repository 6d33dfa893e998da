// Grid search: TV denoising of one picture with each scalar lambda of a grid, and the best of them by each
// score.
//
//   x(lambda) = PDHG solution of min over x of 1/2 ||x - z||^2 + lambda ||G x||_1          (solvers/pdhg)
//   best[s]   = the lambda whose x(lambda) has the highest score s; the smallest index where several are
//             equal
//
// The lambdas run as one batch of independent problems that share z, cut into slices whose state fits
// max_state_bytes. The scores (PSNR, SSIM against a clean picture) come from the caller, who may know more
// than the solver does. A score that is not a number is never the best.
// A grid of tuples has a weight for each axis: sum over a of lambda_a ||G_a x||_1.
// Shapes:  z [1,1,D,H,W], f32 or f64, on any device; the x handed to the score is like z and the caller's to
//          keep.
// Throws ShapeError where z holds more than one picture, ConfigError for an empty grid or a score
//          list of changing length, NumericError where no lambda has a score that is a number; and
//          what pdhg_iterate throws.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "solvers/boundary/boundary.h"
#include "solvers/pdhg/pdhg.h"

namespace primal {

struct GridSearchParams {
  PdhgParams pdhg;
  Boundary boundary = Boundary::periodic;
  int64_t max_state_bytes = int64_t{64}
                            << 20;  // of x, x_bar, p, q and weights of the problems solved at once
};

using ScoreFunction = std::function<std::vector<double>(double lambda, const Tensor& x)>;

struct GridSearchResult {
  std::vector<double> lambdas;
  std::vector<std::vector<double>> scores;  // [lambda][score]
  std::vector<size_t> best;                 // [score]: index into lambdas
  std::vector<Tensor> best_x;               // [score]: the picture there
};

// n values, evenly spaced from low to high, both included.
std::vector<double> lambda_grid(double low, double high, int64_t n);

// One weight for each axis of params.pdhg.axes, in their order.
using WeightTuple = std::vector<double>;
// `index` is that of the tuple; ConfigError also for a tuple of another length.
using TupleScoreFunction = std::function<std::vector<double>(size_t index, const Tensor& x)>;
// lambdas stays empty.
GridSearchResult grid_search_tuples(const Tensor& z, std::span<const WeightTuple> tuples,
                                    const GridSearchParams& params, const TupleScoreFunction& score);

GridSearchResult grid_search(const Tensor& z, std::span<const double> lambdas, const GridSearchParams& params,
                             const ScoreFunction& score);

}  // namespace primal
