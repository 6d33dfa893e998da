// Sums of the metrics; those of SSIM are over the pixels of one picture whose window lies inside.
#pragma once

#include <span>
#include <string>

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

  int64_t radius() const { return std::ssize(w) / 2; }
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

struct MetricsGeometry {
  int64_t height, width;
};
std::string key(const MetricsGeometry&);
inline bool any_size(const MetricsGeometry&) { return true; }  // what an implementation supports

template <class T>
using MetricsImplementation = Implementation<MetricsGeometry, MetricsKernels<T>>;
extern const Ladder<MetricsImplementation> metrics_ladder;  // metrics.cpp

namespace cpu {

// Every window summed by itself, (2 r + 1)^2 terms a pixel.
extern const MetricsImplementation<float> metrics_reference_f32;
extern const MetricsImplementation<double> metrics_reference_f64;
// Rows and columns in turn, 2 (2 r + 1) terms a pixel, bands of rows in parallel.
extern const MetricsImplementation<float> metrics_separable_f32;
extern const MetricsImplementation<double> metrics_separable_f64;
}  // namespace cpu
PRIMAL_DEVICE_KERNELS(MetricsImplementation<float>, metrics_separable);  // metrics_cuda.cu

}  // namespace primal
