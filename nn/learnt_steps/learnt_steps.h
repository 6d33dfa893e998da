// learnt_steps: the steps of PDHG from numbers that training may move freely:
// y = (a sigmoid(sigma), a sigmoid(tau), sigmoid(theta)).
// Shapes:  sigma, tau, theta [] -> y [3]; a is 1 / L.   Saved: the three inputs.
// Adjoint: grad_sigma += a sigmoid'(sigma) grad_y[0], tau alike, grad_theta += sigmoid'(theta) grad_y[2].
// The bits of scale(sigmoid(.), a) and sigmoid(.), in one launch each way instead of five.
// Throws ShapeError for an input that is not a scalar, or has another type than the others.
#pragma once

#include "autograd/variable.h"
#include "tensor/op/op.h"

namespace primal {

Variable learnt_steps(const Variable& sigma, const Variable& tau, const Variable& theta, double a);

PhaseCosts learnt_steps_cost();

OpInfo learnt_steps_info();

}  // namespace primal
