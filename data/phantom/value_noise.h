// What the generated pictures share: soft edges, and a surface that is not quite even.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "tensor/random.h"

namespace primal::phantom {

// 0 below -1, 1 above 1, a smooth step between: coverage of a pixel by an edge at distance d over the half
// width w.
inline double soft(double d, double w) {
  const double t = std::clamp(0.5 + 0.5 * d / w, 0.0, 1.0);
  return t * t * (3.0 - 2.0 * t);
}

// Value noise: random numbers in [-1, 1] on a grid over the picture, joined smoothly.
class NoiseField {
 public:
  NoiseField(int64_t n_cells, uint32_t seed)
      : n_(n_cells), corners_(static_cast<size_t>((n_ + 1) * (n_ + 1))) {
    const RandomStream stream(seed, RandomPurpose::phantom, 1, static_cast<uint32_t>(n_));
    for (size_t i = 0; i < corners_.size(); ++i)
      corners_[i] = static_cast<float>(2.0 * stream.uniform(i) - 1.0);
  }
  double at(double u, double v) const {
    const double x = cell_position(u), y = cell_position(v);
    const double fx = std::floor(x), fy = std::floor(y);
    const float* corner = corners_.data() + static_cast<int64_t>(fy) * (n_ + 1) + static_cast<int64_t>(fx);
    const double s = ease(x - fx), t = ease(y - fy);
    return (corner[0] * (1.0 - s) + corner[1] * s) * (1.0 - t) +
           (corner[n_ + 1] * (1.0 - s) + corner[n_ + 2] * s) * t;
  }

 private:
  static double ease(double t) { return t * t * (3.0 - 2.0 * t); }
  double cell_position(double c) const {
    return std::clamp((c + 1.0) * 0.5, 0.0, 0.999999) * static_cast<double>(n_);
  }
  int64_t n_;
  std::vector<float> corners_;  // [n + 1, n + 1]
};

}  // namespace primal::phantom
