// MseLoss: y = 1/n sum over i of (x[i] - target[i])^2, n the number of elements
//
// Shapes:   x, target alike -> y [] (a scalar). The sum runs in double, in chunks added in their order.
// Saved:    x and target, which are handles, not copies.
// Adjoint:  grad_x += 2/n (x - target) grad_y,   grad_target -= 2/n (x - target) grad_y
// Throws ShapeError for x and target that differ in shape or type, and for no elements at all.
#pragma once

#include "autograd/variable.h"
#include "tensor/op/op.h"

namespace primal {

Variable mse_loss(const Variable& x, const Variable& target);

// Minus, times, plus for each pair; backward minus and times.
PhaseCosts mse_loss_cost(const Shape& x);

OpInfo mse_loss_info();

}  // namespace primal
