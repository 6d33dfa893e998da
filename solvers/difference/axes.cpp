#include "solvers/difference/axes.h"

#include <fmt/ranges.h>

#include "tensor/error.h"

namespace primal {

Axes::Axes(std::span<const int> axes) {
  bool seen[5] = {};
  bool valid = !axes.empty() && axes.size() <= 3;
  for (const int axis : axes) {
    valid = valid && axis >= 2 && axis <= 4 && !seen[axis];
    if (!valid) break;
    seen[axis] = true;
    axis_[static_cast<size_t>(count_++)] = axis;
  }
  if (!valid) {
    throw ShapeError("[axes] expects 2, 3 and 4 of NCDHW, at least one and each at most once, got ({})",
                     fmt::join(axes, ","));
  }
}

std::string Axes::str() const {
  return fmt::format("({})", fmt::join(axis_.begin(), axis_.begin() + count_, ","));
}

}  // namespace primal
