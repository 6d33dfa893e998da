// scale: y = a x with a fixed number a.
// Shapes: x any -> y the same.   Saved: nothing.   Adjoint: grad_x += a grad_y.   Throws ShapeError for a
// non-floating x.
#pragma once

#include "autograd/variable.h"
#include "tensor/op/op.h"

namespace primal {

Variable scale(const Variable& x, double a);

// One multiplication a value, each way.
PhaseCosts scale_cost(const Shape& x);

OpInfo scale_info();

}  // namespace primal
