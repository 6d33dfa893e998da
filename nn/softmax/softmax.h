// Softmax: y_k = exp(x_k - m) / sum over j of exp(x_j - m),  m = max over j of x_j, along one axis
//
// Shapes:   x any -> y the same. Subtracting m changes nothing but keeps exp from overflowing.
// Saved:    y alone.
// Adjoint:  grad_x_k += y_k (grad_y_k - sum over j of y_j grad_y_j)
// Throws ShapeError for an axis outside of the rank (negative ones count from the end) and one without
// extent.
#pragma once

#include "autograd/variable.h"
#include "tensor/op/op.h"

namespace primal {

Variable softmax(const Variable& x, int axis);

// Maximum, difference, exp, sum and quotient for each value; backward <grad_y, y>, a difference and a
// product.
PhaseCosts softmax_cost(const Shape& x);

OpInfo softmax_info();

}  // namespace primal
