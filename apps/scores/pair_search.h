// The best pair of scalar weights (lambda_xy, lambda_t) for one sequence whose clean frames are
// known: the baseline of a map.
//
//   grid       0 and 0.004 2^k for k = 0 .. 8 for each weight: 100 pairs, solved as batches
//              (solvers/grid_search)
//   refined    around the best of each score: both weights times 2^(j/4), then 2^(j/16), for j = -3 .. 3. A
//              weight that is 0 is tried with 0, 0.001 and 0.002.
// If the scores have a single maximum, the result is within a factor of 2^(1/32), 2.2 %, of the best pair.
#pragma once

#include <cstdint>

#include "apps/scores/scores.h"
#include "model/sequence_model.h"

namespace primal {

struct PairSearch {
  struct Best {
    LambdaPair lambda;
    Scores scores;  // means over the frames
    Tensor x;       // on the CPU
  };
  Best by_psnr, by_ssim;
  int64_t n_solved = 0;  // pairs that were tried
};

struct PairSearchOptions {
  int64_t iterations = 256;  // of PDHG, for each pair
  Boundary boundary = Boundary::periodic;
  int refinements = 2;
  bool by_ssim = true;  // false: only the best pair by PSNR is refined
};

// z and clean [1,1,H,W,T] on the CPU.
PairSearch search_pair(const Tensor& z, const Tensor& clean, const PairSearchOptions& options);

}  // namespace primal
