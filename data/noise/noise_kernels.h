// Kernels of noise; equations in noise.h. The deviation stays where the picture is: nobody waits for it.
#pragma once

#include <span>

#include "data/noise/noise_params.h"
#include "tensor/exec.h"
#include "tensor/op/implementation.h"
#include "tensor/philox.h"

namespace primal {

template <class T>
struct NoiseKernels {
  // deviation[0] = sample deviation of x; 0 for one element
  void (*deviation)(const Exec&, std::span<const T> x, double* deviation);
  // z = x + s deviation[0] n, or clip(x + s n, 0, 1); n in T, the sum in double
  void (*add)(const Exec&, std::span<const T> x, NoiseKind, double s, const double* deviation,
              const PhiloxStream&, std::span<T> z);
};

namespace cpu {
template <class T>
void sample_deviation(const Exec&, std::span<const T> x, double* deviation);
template <class T>
void add_noise(const Exec&, std::span<const T> x, NoiseKind, double s, const double* deviation,
               const PhiloxStream&, std::span<T> z);
// The normals of several counters at a time, sums in vectors, f32 (noise_simd.cpp).
void sample_deviation_simd(const Exec&, std::span<const float> x, double* deviation);
void add_noise_simd(const Exec&, std::span<const float> x, NoiseKind kind, double s, const double* deviation,
                    const PhiloxStream&, std::span<float> z);
}  // namespace cpu

PRIMAL_DEVICE_KERNELS(NoiseKernels<float>, noise_philox);  // noise_cuda.cu

}  // namespace primal
