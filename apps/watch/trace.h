// Trace: the iterates of PDHG for one picture at chosen iterations, as pictures of 8 bit, and what is
// measured at each. It is what the page of `primal watch` shows (watch_page.h).
//
//   kept       k = 0 .. 16, then geometrically up to T, which is always the last: at most kMostFrames
//   x_k        [H, W]    level = round(255 x), clipped to [0, 1]
//   q_k        [H, 2 W]  level = 128 + s, the horizontal component in the left half, the vertical one right
//              s = +-kDualSteps           where q = +-Lambda exactly: the component is on its bound, "active"
//              s = round(kDualSteps q / Lambda), at most kDualSteps - 1 in size, elsewhere
//              level 0 where Lambda = 0: no jump is charged there, and q stays 0
//   energy     P(x_k), gap P(x_k) - D(q_k) (solvers/tv_objective), PSNR against the clean picture where there
//              is one
//   active     share of the components with Lambda > 0 that are on their bound
//
// The iterates are those of pdhg_iterate, whatever is kept: 2 + 3 iterations equal 5.
// Errors:  those of solvers/pdhg; ShapeError for other shapes than one picture [1,1,1,H,W] and
//          for axes without H or W.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "data/image/image.h"
#include "solvers/pdhg/pdhg.h"

namespace primal {

inline constexpr int64_t kMostFrames = 60;
inline constexpr int kDualSteps = 63;

struct WatchedProblem {
  Tensor z;           // f32 [1,1,1,H,W]
  Tensor weights;     // Lambda as pdhg takes it, with the boundary's zeros in it
  Tensor clean;       // f32 [1,1,1,H,W]; not defined: there is none
  PdhgParams params;  // n_iter is T
};

struct TraceFrame {
  int64_t k = 0;
  Image x, q;
  double energy = 0.0, gap = 0.0;
  double psnr = 0.0;  // not a number without a clean picture
  double active = 0.0;
};

// Rising, from 0 to n_iter >= 1.
std::vector<int64_t> kept_iterations(int64_t n_iter);

// `watch` is told how many iterations are done.
std::vector<TraceFrame> trace_pdhg(const WatchedProblem& problem,
                                   const std::function<void(int64_t iterations)>& watch = {});

}  // namespace primal
