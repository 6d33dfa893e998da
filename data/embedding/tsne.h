// t-SNE: points in the plane whose neighbours are those of vectors in many dimensions, as far as the plane
// allows. Exact: all pairs count, so n is bounded.
//
//   p(j|i) = exp(-b_i |x_i - x_j|^2) / sum over k != i of exp(-b_i |x_i - x_k|^2),  b_i such that the
//            perplexity of row i, exp(-sum over j of p(j|i) log p(j|i)), is the one asked for
//   p_ij   = (p(j|i) + p(i|j)) / (2 n)
//   q_ij   = w_ij / Z,   w_ij = 1 / (1 + |y_i - y_j|^2),   Z = sum over i != j of w_ij
//   KL     = sum over i != j of p_ij log(p_ij / q_ij),     minimised by gradient descent with momentum:
//   dKL/dy_i = 4 sum over j of (p_ij - q_ij) w_ij (y_i - y_j)
// At first p is multiplied (early exaggeration), so that groups gather before they drift apart, and the
// momentum is lower. Each coordinate's step has a gain that grows by 0.2 while its gradient keeps its sign
// and shrinks to 0.8 of it where it changes.
// Shapes:  x [n, d], f32 or f64 -> points [n, 2], f64, with mean 0.
// Random:  the start is normal with deviation 1e-4, from the stream (seed, initialisation). The same bits
//          for any number of threads.
// Errors:  ShapeError unless 4 <= n <= kMaxTsnePoints; ConfigError for a perplexity outside 1 .. (n - 1) / 3
//          and other values that make no sense; NumericError for values that are not finite, and for a
//          learning rate so large that the points flee.
// Source:  L. van der Maaten, G. Hinton, "Visualizing data using t-SNE", JMLR 2008; the rate
//          n / (4 exaggeration), at least 50, is that of A. Belkina et al., Nature Communications 2019.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "tensor/tensor.h"

namespace primal {

inline constexpr int64_t kMaxTsnePoints = 5000;

struct TsneParams {
  double perplexity = 30.0;
  uint64_t seed = 42;
  int n_iterations = 1000, n_exaggerated = 250;
  double exaggeration = 12.0;
  double learning_rate = 0.0;  // 0: max(n / (4 exaggeration), 50)
};

struct Tsne {
  Tensor points;
  std::vector<double> perplexity;  // reached in each row
  // Every kTsneReport iterations, and after the last: the divergence from p without exaggeration.
  std::vector<int> iterations;
  std::vector<double> divergence;
};
inline constexpr int kTsneReport = 50;

// `progress` hears of each report and may return false to stop there.
Tsne tsne(const Tensor& x, const TsneParams& params = TsneParams(),
          const std::function<bool(int iteration, double divergence)>& progress = {});

}  // namespace primal
