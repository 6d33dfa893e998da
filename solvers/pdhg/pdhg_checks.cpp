#include "solvers/pdhg/pdhg_checks.h"

#include <algorithm>
#include <cmath>

#include "tensor/error.h"
#include "tensor/rehearsal.h"

namespace primal {

void check_pdhg_count(const PdhgParams& params) {
  if (params.n_iter < 0) throw ConfigError("[pdhg] n_iter {} is below zero", params.n_iter);
}

void check_pdhg_params(const PdhgParams& params) {
  check_pdhg_count(params);
  unless_rehearsing([&] {  // learnt steps are values
    if (!std::isfinite(params.sigma) || !std::isfinite(params.tau) || !std::isfinite(params.theta)) {
      throw NumericError("[pdhg] a step is not finite: sigma={} tau={} theta={}", params.sigma, params.tau,
                         params.theta);
    }
    if (params.sigma <= 0.0 || params.tau <= 0.0) {
      throw ConfigError("[pdhg] sigma and tau must be above zero: sigma={} tau={}", params.sigma, params.tau);
    }
  });
}

void check_pdhg_z(const Tensor& z) {
  const bool volume = z.defined() && z.shape().rank() == 5 && z.size(1) == 1;
  if (!volume || !is_floating(z.dtype())) {
    throw ShapeError("[pdhg] z must be f32 or f64 of shape [N,1,D,H,W]: {}",
                     z.defined() ? z.str() : "undefined");
  }
  if (z.size(2) * z.size(3) * z.size(4) == 0) throw ShapeError("[pdhg] z has an empty volume: {}", z.str());
}

Tensor checked_pdhg_lambda(const Tensor& lambda, const Tensor& z, int64_t N, const Axes& axes) {
  const Shape full{N, axes.count(), z.size(2), z.size(3), z.size(4)};
  Tensor map = lambda;
  if (lambda.shape().rank() <= 1) map = lambda.reshape({lambda.numel(), 1, 1, 1, 1});
  bool fits = map.shape().rank() == 5 && map.dtype() == z.dtype();
  for (int axis = 0; fits && axis < 5; ++axis) fits = map.size(axis) == full[axis] || map.size(axis) == 1;
  if (!fits) {
    throw ShapeError(
        "[pdhg] lambda is {}, expected {}{} for axes {} (or extents of 1 in it, or a scalar): z={}",
        lambda.str(), name_of(z.dtype()), full.str(), axes.str(), z.str());
  }
  if (!common_device("pdhg", {z, lambda}).is_cpu() || !Rehearsal::holds_values(map.bytes())) return map;
  dispatch_floating(map.dtype(), "pdhg", [&]<class T>() {
    const std::span<const T> values = map.span<T>();
    const auto bad = std::ranges::find_if(values, [](T v) { return !(v >= 0) || std::isinf(v); });
    if (bad == values.end()) return;
    throw NumericError("[pdhg] lambda must be finite and not below zero, found {} at element {} of {}", *bad,
                       bad - values.begin(), lambda.str());
  });
  return map;
}

void check_pdhg_state(const PdhgState& state, const Tensor& z, const Axes& axes) {
  if (!state.x.defined() || state.x.shape().rank() != 5)
    throw ShapeError("[pdhg] the state has no x [N,1,D,H,W]");
  const Shape primal = z.shape().with(0, state.x.size(0)), dual = primal.with(1, axes.count());
  const auto check = [&](const char* name, const Tensor& t, const Shape& shape) {
    if (!t.defined() || t.shape() != shape || t.dtype() != z.dtype() || t.device() != z.device()) {
      throw ShapeError("[pdhg] {} of the state is {}, expected {}{} where z is: z={}", name,
                       t.defined() ? t.str() : "undefined", name_of(z.dtype()), shape.str(), z.str());
    }
  };
  check("x", state.x, primal);
  check("x_bar", state.x_bar, primal);
  check("p", state.p, primal);
  check("q", state.q, dual);
  if (z.size(0) != 1 && z.size(0) != state.x.size(0)) {
    throw ShapeError("[pdhg] z holds {} problems, the state {}: z={} x={}", z.size(0), state.x.size(0),
                     z.str(), state.x.str());
  }
}

}  // namespace primal
