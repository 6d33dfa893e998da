// The options of PDHG; letters in pdhg.h.
#pragma once

#include <cstdint>

#include "solvers/difference/axes.h"

namespace primal {

enum class PdhgStart { zero, noisy };  // p = 0 or p = z
inline const char* name_of(PdhgStart start) { return start == PdhgStart::noisy ? "noisy" : "zero"; }

struct PdhgParams {
  int64_t n_iter = 256;
  double sigma = 1.0 / 3.0;  // 1/L for two axes
  double tau = 1.0 / 3.0;
  double theta = 1.0;
  Axes axes = {3, 4};
  PdhgStart p_start = PdhgStart::zero;
};

}  // namespace primal
