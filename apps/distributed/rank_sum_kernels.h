// Kernels that add the gradients of several ranks on a device (rank_sum_cuda.cu).
#pragma once

#include <span>

#include "tensor/exec.h"
#include "tensor/op/implementation.h"

namespace primal {

struct RankSumKernels {
  // One buffer of all tensors, one after the other, and back.
  void (*pack)(const Exec&, std::span<const std::span<const float>> tensors, std::span<float> buffer);
  void (*unpack)(const Exec&, std::span<const float> buffer, std::span<const std::span<float>> tensors);
  // own[i] = the sum over r of received[r n + i], n elements of own, with own[i] itself as that of rank
  // `rank`: added in the order of r in double precision, rounded once. received [n_ranks, n]; its part of
  // `rank` is not read.
  void (*add)(const Exec&, std::span<const float> received, int n_ranks, int rank, std::span<float> own);
};
PRIMAL_DEVICE_KERNELS(RankSumKernels, rank_sum_kernels);

}  // namespace primal
