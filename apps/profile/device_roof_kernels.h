// Kernels that measure a device's roofs (device_roofs_cuda.cu).
#pragma once

#include <cstdint>
#include <span>

#include "tensor/exec.h"
#include "tensor/op/implementation.h"

namespace primal {

constexpr int kRoofFlopsPerRound = 32;  // of each thread: 16 multiply-adds

struct RoofKernels {
  // One thread for each element of `sink`, a multiple of 256.
  void (*fma)(const Exec&, int64_t rounds, std::span<float> sink);
  void (*copy)(const Exec&, std::span<const float> x, std::span<float> y);
};
PRIMAL_DEVICE_KERNELS(RoofKernels, roof_kernels);

}  // namespace primal
