#include "tensor/shape.h"

#include <algorithm>
#include <fmt/ranges.h>

#include "tensor/error.h"

namespace primal {

Shape::Shape(std::initializer_list<int64_t> extents) { assign({extents.begin(), extents.size()}); }
Shape::Shape(std::span<const int64_t> extents) { assign(extents); }

void Shape::assign(std::span<const int64_t> extents) {
  if (extents.size() > kMaxRank) {
    throw ShapeError("[shape] rank {} is above {}: [{}]", extents.size(), kMaxRank, fmt::join(extents, ","));
  }
  constexpr int64_t kMaxElements = int64_t{1} << 62;
  int64_t n = 1;
  for (int64_t e : extents) {
    if (e < 0) throw ShapeError("[shape] extent {} is negative: [{}]", e, fmt::join(extents, ","));
    if (e > 0 && n > kMaxElements / e) {
      throw ShapeError("[shape] more than 2^62 elements: [{}]", fmt::join(extents, ","));
    }
    n *= std::max<int64_t>(e, 1);
  }
  std::copy(extents.begin(), extents.end(), extent_.begin());
  rank_ = static_cast<int>(extents.size());
}

int Shape::resolve(int axis) const {
  const int a = axis < 0 ? axis + rank_ : axis;
  if (a < 0 || a >= rank_) throw ShapeError("[shape] axis {} is outside of shape {}", axis, str());
  return a;
}

int64_t Shape::numel() const {
  int64_t n = 1;
  for (int64_t e : extents()) n *= e;
  return n;
}

int64_t Shape::operator[](int axis) const { return extent_[static_cast<size_t>(resolve(axis))]; }

Shape Shape::with(int axis, int64_t extent) const {
  std::array<int64_t, kMaxRank> changed = extent_;
  changed[static_cast<size_t>(resolve(axis))] = extent;
  return Shape(std::span<const int64_t>(changed).first(extents().size()));
}

std::string Shape::str() const { return fmt::format("[{}]", fmt::join(extents(), ",")); }

bool Shape::operator==(const Shape& other) const { return std::ranges::equal(extents(), other.extents()); }

}  // namespace primal
