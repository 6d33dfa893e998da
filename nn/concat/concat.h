// Concat: the parts, one after another along an axis:
//   y[.., offset_p + i, ..] = x_p[.., i, ..],  offset_p = sum of the extents of the parts before p
//
// Shapes:   x_p, which may differ in their extent along the axis only -> y with the sum of those extents.
// Saved:    the extents alone.
// Adjoint:  grad_x_p[.., i, ..] += grad_y[.., offset_p + i, ..]
// Errors:   ShapeError for no parts, an axis outside of the rank (negative ones count from the end), and
//           parts that differ in type, rank or another extent. DeviceError for parts on several devices.
#pragma once

#include <vector>

#include "autograd/variable.h"
#include "tensor/op/op.h"

namespace primal {

Variable concat(const std::vector<Variable>& parts, int axis);

OpInfo concat_info();

}  // namespace primal
