// Axes: the axes of an NCDHW volume along which differences are taken, in the order of their output channels.
// Any non-empty choice of 2 (D), 3 (H) and 4 (W), each once, in any order; anything else is a ShapeError.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace primal {

class Axes {
 public:
  Axes(std::initializer_list<int> axes) : Axes(std::span<const int>(axes.begin(), axes.size())) {}
  explicit Axes(std::span<const int> axes);

  int count() const { return count_; }
  int operator[](int64_t channel) const { return axis_[static_cast<size_t>(channel)]; }
  std::string str() const;  // "(3,4)"
  bool operator==(const Axes&) const = default;

 private:
  std::array<int, 3> axis_{};
  int count_ = 0;
};

}  // namespace primal
