// gradient: the periodic forward difference G of a volume, one output channel per axis of `axes`.
//   y[n,a,i] = x[n,0,i + e_a] - x[n,0,i]            e_a: one step along axes[a], index n_a standing for 0
// gradient_adjoint: its adjoint G', so that <G x, q> = <x, G' q> for all x and q.
//   y[n,0,i] = sum over a of q[n,a,i - e_a] - q[n,a,i]          index -1 standing for n_a - 1
// Shapes:   x [N,1,D,H,W] <-> q [N,A,D,H,W], A the number of axes. An axis of extent 1 has difference 0.
// Saved:    nothing. Adjoint of each: the other. Norm: ||G||^2 <= 4 A.
// Throws ShapeError where the rank is not 5 or the channels are not 1 (gradient) or A (gradient_adjoint).
#pragma once

#include "autograd/variable.h"
#include "solvers/difference/axes.h"
#include "tensor/op/op.h"

namespace primal {

Variable gradient(const Variable& x, const Axes& axes);
Variable gradient_adjoint(const Variable& q, const Axes& axes);

// The attribute "axes" of a case, (3,4) where it is absent; DataError where it is no list of integers.
Axes axes_attribute(const Attributes& attrs);

// x [N,1,D,H,W] or q [N,A,D,H,W]: 1 for a difference; the adjoint takes A - 1 more for each pixel to add them
// up.
PhaseCosts gradient_cost(const Shape& x, const Axes& axes);
PhaseCosts gradient_adjoint_cost(const Shape& q);

OpInfo gradient_info();
OpInfo gradient_adjoint_info();

}  // namespace primal
