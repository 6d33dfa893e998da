// PDHG: the primal-dual hybrid gradient method for total-variation denoising, and its exact derivative.
//
//   problem    min over x of 1/2 ||x - z||^2 + ||lambda o G x||_1             G: periodic forward difference
//   letters    x      the picture sought          x_bar  its extrapolation
//              p      dual of the identity        q      dual of G, one channel per axis
//              sigma  dual step    tau  primal step    theta  extrapolation    lambda  weight, >= 0
//
//   iteration  p+     = (p + sigma (x_bar - z)) / (1 + sigma)
//              q+     = clip(q + sigma G x_bar, -lambda, lambda)
//              x+     = x - tau p+ - tau G' q+
//              x_bar+ = x+ + theta (x+ - x)
//   start      x = x_bar = z, q = 0, and p = 0 or p = z
//   step rule  tau sigma L^2 <= 1 with L = sqrt(1 + 4 A) >= ||[I, G]|| for A axes;
//              thesis: sigma = tau = 1/L, theta = 1. The rule is not enforced: learnt steps may leave it,
//              and a few iterations mean something beyond it.
//
// Shapes:  z, x, x_bar, p [N,1,D,H,W], q [N,A,D,H,W]: N independent problems. lambda [N,A,D,H,W] or with
//          extents 1 for shared values: [N,1,D,H,W] for all axes, [N,1,1,1,1] per problem; [] or [N] are read
//          as [1,1,1,1,1] and [N,1,1,1,1]. z may be [1,1,D,H,W] with N lambdas in pdhg_iterate and
//          pdhg_solve: a grid of weights.
// Saved:   2 bits per dual component and iteration: inside, above lambda or below -lambda; where
//          sigma, tau or theta need a gradient, the iterates x too (pdhg_tape_bytes). On the bound
//          itself counts as inside.
// Adjoint: with (c, ab, ap, aq) the gradients at (x+, x_bar+, p+, q+), s in {-1, 0, 1} from the tape, from
//          the last iteration to the first:
//              c  = ax + (1 + theta) ab         bp = ap - tau c         bq = aq - tau G c
//              lambda^ += s o bq                av = bq where s = 0, else 0
//              z^ -= sigma / (1 + sigma) bp
//              ax = c - theta ab                ab = sigma G' av + sigma / (1 + sigma) bp
//              ap = bp / (1 + sigma)            aq = av
//          and at the start z^ += ax + ab (+ ap where p = z). Steps: see pdhg_kernels.h.
// Throws ShapeError for shapes, types, axes; ConfigError for n_iter < 0, sigma or tau <= 0; NumericError
//          for a step that is not finite, and for a lambda that is negative or not finite, with its
//          place. lambda = 0 gives q = 0.
//          Nobody waits for values on a device: there a lambda or a step that would be a NumericError, or a
//          step that would be a ConfigError, makes x not a number.
// Devices: z, lambda and the state live on one; so do the steps, unless they are constants on the CPU.
// Source:  A. Chambolle, T. Pock, "A first-order primal-dual algorithm for convex problems with applications
//          to imaging", JMIV 40 (2011), algorithm 1; A. Kofler et al., "Learning regularization
//          parameter-maps for variational image reconstruction using deep neural networks and algorithm
//          unrolling", SIAM J. Imaging Sci. 16 (2023).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "autograd/variable.h"
#include "solvers/pdhg/pdhg_params.h"
#include "tensor/op/op.h"

namespace primal {

// From "zero" or "noisy"; ConfigError for another name.
PdhgStart parse_start(const std::string& name);

// L = sqrt(1 + 4 A), a bound on the norm of [I, G]: ||G||^2 <= 4 A.
double pdhg_norm(const Axes& axes);

// The iterate. It goes in and comes out: 2 + 3 iterations equal 5, bit for bit.
struct PdhgState {
  Tensor x, x_bar, p, q;
};

// The start for these params; n problems that share z where z is [1,1,D,H,W].
PdhgState pdhg_start(const Tensor& z, const PdhgParams& params, int64_t n_problems = 1);

// Moves the state params.n_iter iterations on, in place.
void pdhg_iterate(const Tensor& z, const Tensor& lambda, const PdhgParams& params, const PdhgState& state);

// x after params.n_iter iterations from the start.
Tensor pdhg_solve(const Tensor& z, const Tensor& lambda, const PdhgParams& params);

struct PdhgStop {
  double relative_gap = 0.0;  // stop where gap <= relative_gap * objective in every problem; 0: run to n_iter
  int64_t check_every = 16;   // iterations between looks at the gap, and between calls of watch
  std::function<void(int64_t iterations)> watch = {};  // told how many are done, for a person who waits
};

struct PdhgReport {
  int64_t iterations = 0;
  bool converged = false;  // the gap asked for was reached; if not, the state is still the best known iterate
  std::vector<double> objective;  // of each problem, at x
  std::vector<double> gap;        // P(x) - D(q), an upper bound of 1/2 ||x - x*||^2
};

// Moves the state on until the gap is reached, params.n_iter iterations at most.
PdhgReport pdhg_solve(const Tensor& z, const Tensor& lambda, const PdhgParams& params, const PdhgState& state,
                      const PdhgStop& stop);

// Differentiable: x after params.n_iter iterations as a function of z, lambda and the scalar steps
// (shape []), which replace those of params. One node on the tape.
Variable pdhg(const Variable& z, const Variable& lambda, const Variable& sigma, const Variable& tau,
              const Variable& theta, const PdhgParams& params);
// With sigma, tau and theta in one tensor [3], of z's type and where z is: nothing gathers them.
Variable pdhg(const Variable& z, const Variable& lambda, const Variable& steps, const PdhgParams& params);
// With the fixed steps of params.
Variable pdhg(const Variable& z, const Variable& lambda, const PdhgParams& params);

// The attribute `p0` of a case, `otherwise` where it has none; DataError for another name.
PdhgStart start_attribute(const Attributes& attrs, PdhgStart otherwise);

// What the node keeps for x of this shape and type, in bytes.
int64_t pdhg_tape_bytes(const Shape& x, DType dtype, const PdhgParams& params, bool learn_steps);

OpInfo pdhg_info();

}  // namespace primal
