// Activations, element by element:
//
//   relu        y = max(x, 0)                       dy/dx = 1 where y > 0, else 0
//   leaky_relu  y = x where x > 0, else slope x     dy/dx = 1 where y > 0, else slope
//   sigmoid     y = 1 / (1 + exp(-x))               dy/dx = y (1 - y)
//   softplus    y = log(1 + exp(beta x)) / beta     dy/dx = 1 / (1 + exp(-beta x))
//               y = x where beta x > threshold      dy/dx = 1
//
// Shapes:  x any -> y the same.
// Saved:   y alone, so that the value before an activation can be freed at once; slope >= 0 makes the sign of
//          y that of x. softplus saves x: its y jumps down where beta x passes the threshold, so just above
//          the threshold two values of x share one y.
// Kink:    at x = 0 relu has slope 0 and leaky_relu has `slope`, as in PyTorch.
// Errors:  ShapeError for a type other than f32 and f64, for slope < 0 and for beta <= 0.
#pragma once

#include "autograd/variable.h"
#include "nn/activation/activation_params.h"
#include "tensor/op/op.h"

namespace primal {

Variable activation(const Variable& x, const ActivationParams& params);

inline Variable relu(const Variable& x) { return activation(x, {.kind = ActivationKind::relu}); }
inline Variable leaky_relu(const Variable& x, double slope = 0.01) {
  return activation(x, {.kind = ActivationKind::leaky_relu, .slope = slope});
}
inline Variable sigmoid(const Variable& x) { return activation(x, {.kind = ActivationKind::sigmoid}); }
inline Variable softplus(const Variable& x, double beta = 1.0, double threshold = 20.0) {
  return activation(x, {.kind = ActivationKind::softplus, .beta = beta, .threshold = threshold});
}

// Forward and backward of one value: relu 1 and 1, leaky_relu 2 and 2, sigmoid 3 and 3, softplus 5 and 4.
PhaseCosts activation_cost(const Shape& x, ActivationKind kind);

OpInfo relu_info();
OpInfo leaky_relu_info();
OpInfo sigmoid_info();
OpInfo softplus_info();

}  // namespace primal
