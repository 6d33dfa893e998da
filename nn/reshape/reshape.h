// reshape: y has the elements of x in the order in which they lie in memory, and another shape.
//   flatten  y = x with the axes first_axis .. last_axis taken together as one
//
// Shapes:   x any -> y `shape`, with as many elements. One extent may be -1: as long as the elements make it.
// Memory:   y shares the elements of x; nothing is copied.
// Saved:    nothing.
// Adjoint:  grad_x += grad_y, seen in the shape of x.
// Errors:   ShapeError for a type other than f32 and f64, an extent below -1, a second -1, a -1 that the
//           elements do not determine, another number of elements, and for axes of flatten that x does not
//           have or that are out of order.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "autograd/variable.h"
#include "tensor/op/op.h"

namespace primal {

Variable reshape(const Variable& x, std::span<const int64_t> shape);
inline Variable reshape(const Variable& x, const std::vector<int64_t>& shape) {
  return reshape(x, std::span<const int64_t>(shape));
}
// Negative axes count from the last one. A scalar becomes [1].
Variable flatten(const Variable& x, int first_axis = 1, int last_axis = -1);

// Forward costs nothing; backward reads grad_y and adds it to grad_x.
PhaseCosts reshape_cost(const Shape& x);

OpInfo reshape_info();
OpInfo flatten_info();

}  // namespace primal
