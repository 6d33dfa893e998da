// The sum of SSIM over the pixels of one picture whose window lies inside, in two versions.
#pragma once

#include <span>

#include "tensor/exec.h"
#include "tensor/view.h"

namespace primal {

// A separable window: the weight of offset (i, j) is w[i + r] w[j + r], i, j in -r .. r.
struct SsimWindow {
  std::span<const double> w;  // [2 r + 1], sums to 1
  double covariance_factor = 1.0;
  double c1 = 0.0, c2 = 0.0;

  int64_t radius() const { return static_cast<int64_t>(w.size()) / 2; }
};

// The four moments of a window that SSIM needs; the sum of squares stands for ca + cb, which never occur
// apart.
struct SsimMoments {
  double a = 0.0, b = 0.0;  // weighted means of a and b
  double squares = 0.0;     // of a^2 + b^2
  double product = 0.0;     // of a b
};

inline double ssim_of(const SsimMoments& m, const SsimWindow& window) {
  const double means = m.a * m.a + m.b * m.b;
  const double variances = window.covariance_factor * (m.squares - means);
  const double covariance = window.covariance_factor * (m.product - m.a * m.b);
  return (2.0 * m.a * m.b + window.c1) * (2.0 * covariance + window.c2) /
         ((means + window.c1) * (variances + window.c2));
}

namespace cpu {

// The reference: every window summed by itself, (2 r + 1)^2 terms a pixel.
template <class T>
double ssim_sum_windows(const Exec&, View<const T, 2> a, View<const T, 2> b, const SsimWindow&);

// Rows and columns in turn, 2 (2 r + 1) terms a pixel, bands of rows in parallel.
template <class T>
double ssim_sum_separable(const Exec&, View<const T, 2> a, View<const T, 2> b, const SsimWindow&);

}  // namespace cpu
}  // namespace primal
