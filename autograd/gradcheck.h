// Proofs that a backward is the derivative of its forward, and an adjoint the adjoint of its operator.
//
// gradcheck: the loss is <c, f(x)> with a random c, so one backward gives every gradient. Each is
// compared with central differences in float64: element by element for small inputs, along random
// directions for large ones.
//   kink-aware: where the slopes on both sides of x differ (LeakyReLU at 0, a pooling tie, the edge of a clip
//   between x - h and x + h) the difference quotient means nothing; such points are counted as skipped, not
//   as passed, and too many of them fail the check.
//
// adjoint_check: for K linear and K' its claimed adjoint,
//   |<Kx, y> - <x, K'y>| / (||Kx|| ||y|| + ||x|| ||K'y||).
// On failure it names the factor by which both sides differ, which reveals a missing constant.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "autograd/variable.h"

namespace primal {

struct GradcheckOptions {
  double step = 1e-6;         // h of the central difference, relative to max(1, |x|)
  double tolerance = 1e-6;    // on |numeric - analytic| / max(1, |numeric|, |analytic|, typical gradient)
  int64_t max_elements = 64;  // inputs with more elements are checked along this many random directions
  double max_skipped = 0.2;   // share of points that may lie on a kink
  uint64_t seed = 0;
};

struct CheckReport {
  bool ok = true;
  double worst = 0.0;     // the largest error found
  int64_t n_points = 0;   // compared
  int64_t n_skipped = 0;  // on a kink
  std::string message;    // what failed and where; empty when ok
};

using DifferentiableFunction = std::function<std::vector<Variable>(const std::vector<Variable>&)>;

// f is called with leaves of the given values. Only f64 inputs are checked; others (labels) are passed
// through.
CheckReport gradcheck(const DifferentiableFunction& f, const std::vector<Tensor>& inputs,
                      const GradcheckOptions& options = {});

// Any function with its claimed gradients, for ops that are known by name only (OpInfo::run).
struct NamedGradcheck {
  std::function<Tensor(const std::vector<Tensor>&)> loss;  // scalar
  std::function<std::vector<Tensor>(const std::vector<Tensor>&)>
      gradients;  // one per input, undefined: not checked
  std::vector<std::string> names;
};
CheckReport gradcheck(const NamedGradcheck& check, const std::vector<Tensor>& inputs,
                      const GradcheckOptions& options = {});

using LinearOperator = std::function<Tensor(const Tensor&)>;
CheckReport adjoint_check(const LinearOperator& forward, const LinearOperator& adjoint, const Tensor& x,
                          const Tensor& y, double tolerance = 1e-12);

}  // namespace primal
