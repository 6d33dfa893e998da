// The solution with given weights, as pictures (denoise.h) and sequences (sequence_model.h) need it.
//
//   x = PDHG(z, weights) after so many iterations, or once (P - D) <= gap * P
//
// Shapes:  z [N,1,D,H,W], lambda as pdhg_solve takes it; x like z. Results live where z lives.
// Errors:  those of weights_at() and pdhg_solve().
#pragma once

#include "model/denoise.h"
#include "solvers/pdhg/pdhg.h"

namespace primal {

struct TvLimits {
  int64_t iterations = 0;        // 0: params.n_iter, or at most 10000 if a gap is given
  double gap = 0.0;              // relative; 0: none
  const Watch* watch = nullptr;  // called with "iteration" during long computations
};

// relative_gap of the result is the largest of the batch.
Denoised solve_tv(const Tensor& z, const Tensor& lambda, PdhgParams params, Boundary boundary,
                  const TvLimits& limits);

}  // namespace primal
