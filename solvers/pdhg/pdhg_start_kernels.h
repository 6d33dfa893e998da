// The start of PDHG on devices in one launch, where copies and fills would take four.
#pragma once

#include <cstdint>
#include <span>

#include "tensor/exec.h"
#include "tensor/op/implementation.h"

namespace primal {

struct PdhgStartKernels {
  // x = x_bar = z and p = z or 0, for each problem; q = 0. z [N|1, volume], x, x_bar and p [N, volume]; q
  // has whole multiples of it.
  void (*start)(const Exec&, std::span<const float> z, bool noisy, std::span<float> x, std::span<float> x_bar,
                std::span<float> p, std::span<float> q);
};

using PdhgStartImplementation = Implementation<OnlyShape, PdhgStartKernels>;
PRIMAL_DEVICE_KERNELS(PdhgStartImplementation, pdhg_start_elementwise);  // cuda/pdhg_start.cu

}  // namespace primal
