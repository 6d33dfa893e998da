// Kernels of noise; equations in noise.h and noise_types.h. The deviation stays where the picture
// is: nobody waits for it.
#pragma once

#include <cmath>
#include <span>

#include "data/noise/noise_params.h"
#include "tensor/exec.h"
#include "tensor/host_device.h"
#include "tensor/op/implementation.h"
#include "tensor/philox.h"

namespace primal {

// The sinusoids of periodic noise, as kernels take them.
struct Wave {
  double by_row = 0.0, by_column = 0.0;  // radians per pixel
  double phase = 0.0, amplitude = 0.0;
};
struct Waves {
  int n = 0;
  Wave wave[8];
};

// sum over the waves of amplitude sin(by_row i + by_column j + phase)
PRIMAL_HOST_DEVICE inline double wave_sum(const Waves& waves, double i, double j) {
  double sum = 0.0;
  for (int k = 0; k < waves.n; ++k) {
    const Wave& w = waves.wave[k];
    sum += w.amplitude * std::sin(w.by_row * i + w.by_column * j + w.phase);
  }
  return sum;
}

template <class T>
struct NoiseKernels {
  // deviation[0] = sample deviation of x; 0 for one element
  void (*deviation)(const Exec&, std::span<const T> x, double* deviation);
  // z = x + s deviation[0] n, or clip(x + s n, 0, 1); n in T, the sum in double
  void (*add)(const Exec&, std::span<const T> x, NoiseKind, double s, const double* deviation,
              const PhiloxStream&, std::span<T> z);
  // z = 1 where the pixel's word is below `salt`, 0 where it is below `changed`, else x
  void (*salt_pepper)(const Exec&, std::span<const T> x, uint64_t salt, uint64_t changed, const PhiloxStream&,
                      std::span<T> z);
  // z = x + the sum of waves, clipped to [0, 1] or not; x [..., height, width]
  void (*periodic)(const Exec&, std::span<const T> x, int64_t height, int64_t width, const Waves&, bool clip,
                   std::span<T> z);
};

template <class T>
using NoiseImplementation = Implementation<OnlyShape, NoiseKernels<T>>;
extern const Ladder<NoiseImplementation> noise_ladder;  // noise.cpp

template <class T>
const NoiseKernels<T>& noise_kernels_for(const Shape& x, Device device) {
  return choose("noise", "forward", noise_ladder.of<T>(), OnlyShape{x}, device).kernels;
}

namespace cpu {
inline constexpr int64_t kNoiseGrain = 1 << 14;  // elements in a parallel chunk

template <class T>
void salt_pepper(const Exec&, std::span<const T> x, uint64_t salt, uint64_t changed, const PhiloxStream&,
                 std::span<T> z);
template <class T>
void periodic(const Exec&, std::span<const T> x, int64_t height, int64_t width, const Waves&, bool clip,
              std::span<T> z);
extern const NoiseImplementation<double> noise_reference_f64;
// The reference in f32, which noise_simd is compared with; it is not on the ladder.
extern const NoiseImplementation<float> noise_reference_f32;
extern const NoiseImplementation<float> noise_simd;
}  // namespace cpu
PRIMAL_DEVICE_KERNELS(NoiseImplementation<float>, noise_philox);  // noise_cuda.cu

}  // namespace primal
