// The refinement of a map: the weights grow or shrink where an estimate of the error, made without
// a clean picture, says so.
//
//   noise     z = x* + n, n_i independent, normal, with mean 0 and variance v_i; x* is not known
//   trials    x_c(z) = PDHG's result with the weights c Lambda(z), for each factor c; Lambda(z) is the map
//             that is proposed for z (ProposeMap)
//   probe     b_i = +1 or -1 at random (solvers/probe), e = step sqrt(mean of v)
//   risk      S_c = M[(x_c(z) - z)^2 - v + 2 v o b o (x_c(z + e b) - x_c(z)) / e] at each pixel, M the mean
//             over its neighbourhood (local_mean.h). S_c is an estimate of M[(x_c(z) - x*)^2]: Stein's, of
//             the neighbourhood instead of the picture.
//   shares    a_c = exp(-S_c / t) / sum over c of exp(-S_c / t), t = v / (2 sqrt(pi) w), w the deviation of
//             M's weights: t is the deviation of M over independent values of deviation v. Factors whose
//             risks differ by less than t are averaged.
//   refined   Lambda' = exp(M'[sum over c of a_c log c]) o Lambda(z), M' with half of M's radius
//
// It helps where the proposed map is wrong by about the same factor over tens of pixels, so that it smooths
// texture too much or leaves noise. It costs two maps and 2 x 4 trials of 32 iterations, which need not
// converge to tell which factor is better. The map of a model that was trained on exactly this kind of
// picture is better left as it is. The variance has to be right: where the noise has twice the deviation that
// v says, it is taken for texture and left in (tests: NeedsTheVarianceOfEachPixel).
//
// Large pictures: a value of M' depends only on pixels within n_iter + 3 radius + 3 (radius / 2) of it, since
// each iteration of PDHG passes information on by one pixel, and M and M' have three passes each. The trials
// are therefore made in bands of rows with a margin of this size. The result equals that of the whole picture
// except for the rounding of sums. With the periodic boundary, the whole picture is one band.
//
// Shapes:  z [1,1,1,H,W], f32 or f64, on any device; v [H,W], f32, on the CPU; maps [1,n_maps,1,H,W] of z's
//          type, and the result lives where z does.
// Random:  probe 0 of the seed. Same bits for any number of threads.
// Errors:  NumericError for a variance that is not above 0 and finite, with its place, and where a risk is
//          not a number; ShapeError for other shapes; ConfigError for other parameters; what PDHG throws.
// Source:  C. Stein, "Estimation of the mean of a multivariate normal distribution", Ann. Statist. 9 (1981);
//          a risk for each neighbourhood: V. Duval, J.-F. Aujol, Y. Gousseau, "A bias-variance approach for
//          the nonlocal means", SIAM J. Imaging Sci. 4 (2011); shares by the risk: G. Leung, A. R. Barron,
//          "Information theory and mixing least-squares regressions", IEEE TIT 52 (2006). Weights of total
//          variation from statistics of a neighbourhood: Y. Dong, M. Hintermüller, M. M. Rincon-Camacho,
//          "Automated regularization parameter selection in multi-scale total variation models for image
//          restoration", JMIV 40 (2011).
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "solvers/boundary/boundary.h"
#include "solvers/pdhg/pdhg.h"

namespace primal {

struct MapRefinementParams {
  PdhgParams pdhg = {.n_iter = 32};  // of the trials
  Boundary boundary = Boundary::symmetric;
  std::array<double, 4> factors = {0.35, 0.7, 1.0, 1.4};  // c
  int64_t radius = 12;                                    // of M, in pixels
  double step = 0.05;                                     // of the probe, in deviations of the noise
  uint64_t seed = 42;
  int64_t max_bytes = int64_t{256} << 20;                       // of the trials, about
  std::function<void(int64_t done, int64_t total)> watch = {};  // called after each trial
};

struct RefinedMap {
  Tensor map;     // Lambda', like Lambda(z)
  Tensor factor;  // Lambda' / Lambda(z): [H,W], f32, on the CPU
};

// Returns Lambda(z); called with z and with z + e b.
using ProposeMap = std::function<Tensor(const Tensor& z)>;

// What it takes of memory beside z, about, for float32 and one map.
int64_t refine_map_bytes(int64_t height, int64_t width, Boundary boundary,
                         const MapRefinementParams& params = {});

RefinedMap refine_map(const Tensor& z, const Tensor& variance, const ProposeMap& propose,
                      const MapRefinementParams& params = {});

}  // namespace primal
