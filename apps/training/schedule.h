// The learning rate of each step: constant, or a cosine decay over the run,
//
//   lr(k) = final + (first - final) (1 + cos(pi (k - 1) / (K - 1))) / 2,      k = 1 .. K
//
// from `first` at the first step to `final` at the last. The dissertation's is constant.
// Source: I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017,
//         equation 5.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

namespace primal {

// At step k of K; final = 0 means constant.
inline double learning_rate_at(double first, double final, int64_t k, int64_t n_steps) {
  if (final == 0.0 || n_steps < 2) return first;
  const double part = static_cast<double>(k - 1) / static_cast<double>(n_steps - 1);
  return final + (first - final) * 0.5 * (1.0 + std::cos(std::numbers::pi * part));
}

}  // namespace primal
