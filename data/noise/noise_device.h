// What the kernels of noise_cuda.cu and drawn_noise_cuda.cu have in common.
#pragma once

#include "data/noise/noise_params.h"
#include "tensor/simt/reduce.h"
#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {

// partial[block] = sum of this block's elements, or with `squares` of their squared distances from `centre`.
__device__ inline void write_partial_sum(Global<const float> x, int64_t n, bool squares, double centre,
                                         Global<double> partial) {
  double sum = 0;
  for (int64_t i = blockIdx.x * int64_t{kSumThreads} + threadIdx.x; i < n;
       i += int64_t{gridDim.x} * kSumThreads) {
    const double value = static_cast<double>(x[i]) - centre;
    sum += squares ? value * value : value;
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

// x + amplitude normal, in [0, 1] for absolute noise.
__device__ inline float noisy_value(float x, double amplitude, double normal, NoiseKind kind) {
  const double noisy = static_cast<double>(x) + amplitude * static_cast<double>(static_cast<float>(normal));
  const double clipped = noisy < 0.0 ? 0.0 : noisy > 1.0 ? 1.0 : noisy;
  return static_cast<float>(kind == NoiseKind::absolute ? clipped : noisy);
}

}  // namespace primal::PRIMAL_SIMT
