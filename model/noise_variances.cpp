#include "model/noise_variances.h"

#include <algorithm>

#include "solvers/map_refinement/local_mean.h"

namespace primal {

Tensor noise_variances(const NoiseModel& noise, const Tensor& intensity) {
  constexpr int64_t kRadius = 2, kSmoothing = 4;
  constexpr double kFarAbove = 2.0, kSpare = 1.1;
  const Tensor here = intensity.to(Device{});
  const int64_t height = here.size(-2), width = here.size(-1);
  const Tensor variance = Tensor::zeros({height, width});
  const int64_t n = variance.numel(), n_pictures = here.numel() / n;
  float* v = variance.data<float>();
  dispatch_floating(here.dtype(), "noise_variances", [&]<class T>() {
    for (int64_t i = 0; i < here.numel(); ++i)
      v[i % n] += static_cast<float>(here.data<T>()[i]) / static_cast<float>(n_pictures);
  });
  local_mean(variance, kRadius);
  for (int64_t i = 0; i < height; ++i) {
    for (int64_t j = 0; j < width; ++j) {
      float& at = v[i * width + j];
      const double by_line = noise.variance_at(static_cast<double>(at));
      double local = 0.0;
      if (noise.local.defined()) {
        const int64_t cell = i / kNoiseCell * noise.local.size(1) + j / kNoiseCell;
        local = static_cast<double>(noise.local.data<float>()[cell]);
      }
      at = static_cast<float>(local > kFarAbove * by_line ? local : kSpare * by_line);
    }
  }
  local_mean(variance, kSmoothing);
  return variance;
}

Tensor known_noise_variances(const NoiseModel& noise, const Tensor& z, const NoiseOrigins& origins) {
  if (std::min(z.size(-2), z.size(-1)) < kMinRefinedSide || !noise.is_known()) return {};
  return noise_variances(noise, origins.pictures.defined() ? origins.pictures : z);
}

Tensor noise_variances(double sigma, const Tensor& z) {
  return Tensor::full({z.size(-2), z.size(-1)}, sigma * sigma);
}

}  // namespace primal
