// Concat: parts one behind the other along an axis:
//   y[.., offset_p + i, ..] = x_p[.., i, ..],  offset_p = sum of the extents of the parts before p
//
// Shapes:   x_p alike but for the extent along the axis -> y with the sum of those extents.
// Saved:    the extents alone.
// Adjoint:  grad_x_p[.., i, ..] += grad_y[.., offset_p + i, ..]
// Throws ShapeError for no parts, an axis outside of the rank (negative ones count from the end), and parts
//          that differ in type, rank or another extent.
#pragma once

#include <vector>

#include "autograd/variable.h"
#include "tensor/op/op.h"

namespace primal {

Variable concat(const std::vector<Variable>& parts, int axis);

OpInfo concat_info();

}  // namespace primal
