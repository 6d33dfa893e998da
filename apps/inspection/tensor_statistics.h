// What one can say of a tensor without printing it.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>

#include "tensor/tensor.h"

namespace primal {

// Over the finite elements, in double; an element that is NaN or infinite is only counted.
struct TensorStatistics {
  int64_t count = 0;  // elements in all
  int64_t n_finite = 0;
  int64_t n_zero = 0;
  double min = 0.0, max = 0.0;
  double mean = 0.0;
  double deviation = 0.0;  // sqrt(sum (v - mean)^2 / n_finite)
};

TensorStatistics statistics_of(const Tensor& tensor);
nlohmann::json to_json(const TensorStatistics& statistics);

// How far b is from a, of the same type and shape. Equal means every bit; relative is ||a - b|| / ||a|| in
// double, infinite where only a is 0, and NaN where an element of either is not finite and differs.
struct TensorDifference {
  bool equal = true;
  int64_t n_different = 0;
  double largest = 0.0;  // of |a - b|
  double relative = 0.0;
};

TensorDifference difference_of(const Tensor& a, const Tensor& b);

}  // namespace primal
