// Pictures for the solver tests: rows by hand, and random ones, functions of a seed.
#pragma once

#include <iterator>
#include <vector>

#include "tensor/random.h"
#include "tensor/tensor.h"

namespace primal {

// A picture of one row, in double.
inline Tensor row(const std::vector<double>& values) {
  return Tensor::from(Shape{1, 1, 1, 1, std::ssize(values)}, values);
}

inline Tensor random_uniform(const Shape& shape, double low, double high, uint64_t seed) {
  const Tensor t = Tensor::empty(shape, DType::f64);
  RandomStream(seed, RandomPurpose::test).fill_uniform(t, low, high);
  return t;
}

inline Tensor random_normal(const Shape& shape, uint64_t seed) {
  const Tensor t = Tensor::empty(shape, DType::f64);
  RandomStream(seed, RandomPurpose::test).fill_normal(t);
  return t;
}

inline double dot(const Tensor& a, const Tensor& b) {
  const std::vector<double> u = a.to_doubles(), v = b.to_doubles();
  double sum = 0.0;
  for (size_t i = 0; i < u.size(); ++i) sum += u[i] * v[i];
  return sum;
}

}  // namespace primal
