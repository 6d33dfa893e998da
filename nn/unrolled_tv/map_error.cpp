#include "nn/unrolled_tv/map_error.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tensor/error.h"

namespace primal {

double error_against_spread(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) throw ShapeError("[error_against_spread] {} against {}", a.str(), b.str());
  const std::vector<double> u = a.to_doubles(), v = b.to_doubles();
  double mean = 0.0, difference = 0.0, spread = 0.0;
  for (const double e : v) mean += e / static_cast<double>(v.size());
  for (size_t i = 0; i < v.size(); ++i) {
    difference += (u[i] - v[i]) * (u[i] - v[i]);
    spread += (v[i] - mean) * (v[i] - mean);
  }
  return std::sqrt(difference) / std::max(std::sqrt(spread), 1e-30);
}

}  // namespace primal
