// Boundary: how a picture goes on beyond its edges, for the differences that total variation charges.
//
//   periodic   the difference at the last pixel of a row or column is taken to the first one, as the
//              reference implementation has it. So opposite edges pull at each other.
//   symmetric  the picture is mirrored at its edges: the difference beyond the last pixel is zero
//              (Neumann), and the edges are free.
//
// The difference G of this project is periodic (solvers/difference). The symmetric one is G with the
// components that wrap around left out, and a component is left out of
// min 1/2 ||x - z||^2 + ||lambda o G x||_1 where its weight is zero: its q is clipped to zero, so it pulls at
// nothing. So the boundary is a matter of lambda alone, and no solver knows of it.
//
// symmetric_boundary: the weights with which the periodic difference acts as the symmetric one.
//   y[n,a,i] = 0             where i is the last index along axes[a]: the component that wraps around
//              lambda[n,a,i] elsewhere
// Shapes:   lambda [N|1,A|1,D|1,H|1,W|1], [N] or [], as pdhg takes it -> y [N|1,A,D,H,W] for a volume of
//           D x H x W.
// Saved:    nothing.
// Adjoint:  grad_lambda[j] += sum of grad_y over the components that share lambda[j] and do not wrap, in
//           double.
// Errors:   ShapeError where lambda does not fit the volume and the axes.
#pragma once

#include <array>
#include <string>

#include "autograd/variable.h"
#include "solvers/difference/axes.h"
#include "tensor/op/op.h"

namespace primal {

enum class Boundary { periodic, symmetric };
Boundary parse_boundary(const std::string& text);  // ConfigError for another text
inline const char* name_of(Boundary boundary) {
  return boundary == Boundary::periodic ? "periodic" : "symmetric";
}

Variable symmetric_boundary(const Variable& lambda, const std::array<int64_t, 3>& volume, const Axes& axes);

// The weights for a picture x [N,1,D,H,W]: lambda itself for the periodic boundary.
Variable weights_at(Boundary boundary, const Variable& lambda, const Shape& x, const Axes& axes);

// One addition for each weight on the way back.
PhaseCosts symmetric_boundary_cost(const Shape& lambda, const Shape& y);

OpInfo symmetric_boundary_info();

}  // namespace primal
