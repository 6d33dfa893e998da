// The choice of a scalar lambda without a clean picture, from the deviation of the noise alone.
//
//   noise        z = x* + sigma n, n normal with mean 0 and deviation 1; x* is not known; N pixels
//   x(lambda)    PDHG's result for min over x of 1/2 ||x - z||^2 + lambda ||G x||_1; all lambdas
//                are one batch (solvers/grid_search)
//   residual     r(lambda) = ||x(lambda) - z||^2 / N
//   divergence   d(lambda) = 1/N sum over i of dx_i/dz_i, estimated by probes:
//                1/N b . (x(lambda; z + e b) - x(lambda; z)) / e, b_i = +1 or -1 at random, e = step sigma;
//                the mean of n_probes such b. The same b serve every lambda, so that their chance moves
//                the curve and hardly its minimum.
//   risk         S(lambda) = r(lambda) - sigma^2 + 2 sigma^2 d(lambda),
//                Stein's unbiased risk estimate (SURE): its expectation is that of
//                ||x(lambda) - x*||^2 / N, for any number of iterations
//   by risk         lambda where S is least
//   by discrepancy  lambda where r = sigma^2: what is taken away has the size of the noise. It
//                   smooths more than SURE does.
//
// Both search a logarithmic grid from 0.03 to 3 sigma, widened where the answer is at its end
// (0.001 to 30 sigma at most), then five lambdas between the neighbours of the best, and last a parabola
// (risk) or a line (discrepancy) over log lambda.
// sigma = 0 leaves nothing to take away: lambda = 0, without points.
//
// Shapes:  z [1,1,D,H,W], f32 or f64, on any device.
// Random:  probe k of the seed (solvers/probe).
// Errors:  ConfigError for a sigma that is negative or not finite, and for no lambdas; what grid_search
//          throws. NumericError where S or r is not a number.
// Source:  C. Stein, "Estimation of the mean of a multivariate normal distribution", Ann. Statist. 9 (1981);
//          S. Ramani, T. Blu, M. Unser, "Monte-Carlo SURE: a black-box optimization of regularization
//          parameters for general denoising algorithms", IEEE TIP 17 (2008), equation 14; V. A. Morozov, "On
//          the solution of functional equations by the method of regularization", 1966.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "solvers/boundary/boundary.h"
#include "solvers/pdhg/pdhg.h"

namespace primal {

struct LambdaChoiceParams {
  PdhgParams pdhg = {};
  Boundary boundary = Boundary::symmetric;
  int64_t n_probes = 0;  // 0: as many as have 65536 pixels together, 16 at most
  double step = 0.05;    // e / sigma
  uint64_t seed = 42;
  int64_t max_bytes = int64_t{64} << 20;  // of pictures kept at a time, beside the solver's state
};

struct LambdaPoint {
  double lambda, residual, divergence, risk;
};

// r, d and S of each lambda, in their order.
std::vector<LambdaPoint> lambda_risks(const Tensor& z, double sigma, std::span<const double> lambdas,
                                      const LambdaChoiceParams& params = {});

struct LambdaChoice {
  double lambda = 0.0;
  std::vector<LambdaPoint> points = {};  // that were looked at, by rising lambda
  bool at_the_edge = false;              // the answer may lie beyond the widest grid
};
LambdaChoice lambda_by_risk(const Tensor& z, double sigma, const LambdaChoiceParams& params = {});
LambdaChoice lambda_by_discrepancy(const Tensor& z, double sigma, const LambdaChoiceParams& params = {});

}  // namespace primal
