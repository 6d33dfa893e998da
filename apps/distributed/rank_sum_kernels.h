// Kernels that add the gradients of several ranks on a device (rank_sum_cuda.cu).
#pragma once

#include <span>

#include "tensor/exec.h"
#include "tensor/op/implementation.h"

namespace primal {

struct RankSumKernels {
  // pack copies all tensors into one buffer, one after the other; unpack copies them back.
  void (*pack)(const Exec&, std::span<const std::span<const float>> tensors, std::span<float> buffer);
  void (*unpack)(const Exec&, std::span<const float> buffer, std::span<const std::span<float>> tensors);
  // own[i] = the sum over r of received[r n + i], added in the order of r in double precision and
  // rounded once.
  // own [n], received [n_ranks, n]. For r = `rank`, own[i] itself is the summand, and `received` is not read.
  void (*add)(const Exec&, std::span<const float> received, int n_ranks, int rank, std::span<float> own);
};
PRIMAL_DEVICE_KERNELS(RankSumKernels, rank_sum_kernels);

}  // namespace primal
