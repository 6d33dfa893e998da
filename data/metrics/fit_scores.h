// How well values are reproduced, over a whole set of pictures: y the true ones, f what a model makes of
// them, all elements of all pictures counted alike.
//
//   mse            mean of (f - y)^2                       rmse   its root
//   mae            mean of |f - y|
//   r2             1 - sum (f - y)^2 / sum (y - m)^2,      m the mean of all y: about the global mean, not
//                  each picture's own. Where all y are equal: 1 if f equals them, else 0, as in scikit-learn
//   soft_accuracy  share of the elements with round(f) = round(y), halves to the even number
// All in double; the result does not depend on how the set is divided into calls of add(), to the last bits.
// Errors:  ShapeError for unequal shapes, types other than f32 and f64, and tensors that are not on the CPU.
//          Without any element all scores are NaN.
#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace primal {

class FitScores {
 public:
  void add(const Tensor& truth, const Tensor& estimate);

  int64_t n() const { return n_; }
  double mse() const;
  double rmse() const;
  double mae() const;
  double r2() const;
  double soft_accuracy() const;

 private:
  int64_t n_ = 0, n_equal_ = 0;
  double sum_squares_ = 0.0, sum_absolute_ = 0.0;
  double mean_ = 0.0, spread_ = 0.0;  // of y so far, and the sum of (y - mean)^2
};

}  // namespace primal
