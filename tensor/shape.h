// Shape: the extents of a tensor, outermost first, at most kMaxRank of them. A scalar has rank 0 and one
// element.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace primal {

class Shape {
 public:
  static constexpr int kMaxRank = 6;

  Shape() = default;
  Shape(std::initializer_list<int64_t>
            extents);  // ShapeError: negative extent, rank above kMaxRank, over 2^62 elements
  explicit Shape(std::span<const int64_t> extents);

  int rank() const { return rank_; }
  int64_t numel() const;               // product of the extents; 1 for a scalar
  int64_t operator[](int axis) const;  // negative axes count from the end; ShapeError outside
  std::span<const int64_t> extents() const { return {extent_.data(), static_cast<size_t>(rank_)}; }
  Shape with(int axis, int64_t extent) const;  // the same shape with one extent replaced
  std::string str() const;                     // "[1,2,3]"

  bool operator==(const Shape& other) const;

 private:
  void assign(std::span<const int64_t> extents);
  int resolve(int axis) const;

  std::array<int64_t, kMaxRank> extent_{};
  int rank_ = 0;
};

}  // namespace primal
