// Random pictures, weights and upstream gradients for the solver tests: functions of a seed.
#pragma once

#include "tensor/random.h"
#include "tensor/tensor.h"

namespace primal {

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
