// Sums of the metrics; those of SSIM are over the pixels of one picture whose window lies inside.
#pragma once

#include <span>

#include "tensor/exec.h"
#include "tensor/host_device.h"
#include "tensor/op/implementation.h"
#include "tensor/view.h"

namespace primal {

struct SsimConstants {
  double covariance_factor = 1.0;
  double c1 = 0.0, c2 = 0.0;
};

// A separable window: the weight of offset (i, j) is w[i + r] w[j + r], i, j in -r .. r.
struct SsimWindow {
  std::span<const double> w;  // [2 r + 1], sums to 1; where the pictures live
  SsimConstants constants;

  int64_t radius() const { return static_cast<int64_t>(w.size()) / 2; }
};

// The four moments of a window that SSIM needs; the sum of squares stands for ca + cb, which never occur
// apart.
struct SsimMoments {
  double a = 0.0, b = 0.0;  // weighted means of a and b
  double squares = 0.0;     // of a^2 + b^2
  double product = 0.0;     // of a b
};

PRIMAL_HOST_DEVICE inline double ssim_of(const SsimMoments& m, const SsimConstants& constants) {
  const double means = m.a * m.a + m.b * m.b;
  const double variances = constants.covariance_factor * (m.squares - means);
  const double covariance = constants.covariance_factor * (m.product - m.a * m.b);
  return (2.0 * m.a * m.b + constants.c1) * (2.0 * covariance + constants.c2) /
         ((means + constants.c1) * (variances + constants.c2));
}

// Results are one double where the pictures live.
template <class T>
struct MetricsKernels {
  void (*squares)(const Exec&, std::span<const T> a, std::span<const T> b, double* sum);  // of a - b
  void (*ssim)(const Exec&, View<const T, 2> a, View<const T, 2> b, const SsimWindow&, double* sum);
};

namespace cpu {

// Sum of (a - b)^2, in chunks of a fixed size.
template <class T>
void squared_difference(const Exec&, std::span<const T> a, std::span<const T> b, double* sum);

// The reference: every window summed by itself, (2 r + 1)^2 terms a pixel.
template <class T>
void ssim_windows(const Exec&, View<const T, 2> a, View<const T, 2> b, const SsimWindow&, double* sum);

// Rows and columns in turn, 2 (2 r + 1) terms a pixel, bands of rows in parallel.
template <class T>
void ssim_separable(const Exec&, View<const T, 2> a, View<const T, 2> b, const SsimWindow&, double* sum);

}  // namespace cpu

PRIMAL_DEVICE_KERNELS(MetricsKernels<float>, metrics_separable);  // metrics_cuda.cu

}  // namespace primal
