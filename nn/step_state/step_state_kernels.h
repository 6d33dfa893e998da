// Kernels of step_state.h, for devices alone: on the CPU the host looks at each step.
#pragma once

#include <cstdint>
#include <span>

#include "tensor/exec.h"
#include "tensor/op/implementation.h"

namespace primal {

struct StepStateKernels {
  // now [4], of which [0] is the step and [1] the place: losses[place] = loss[0]; first_bad[0] = step where
  // it is 0 and loss or one of the gradients is not finite.
  void (*judge)(const Exec&, std::span<const float> loss, std::span<const std::span<const float>> gradients,
                std::span<const double> now, std::span<double> losses, std::span<int32_t> first_bad);
  // buffers[k] = kept[k], where first_bad[0] is not 0
  void (*restore)(const Exec&, std::span<const std::span<const float>> kept,
                  std::span<const std::span<float>> buffers, std::span<const int32_t> first_bad);
};

using StepStateImplementation = Implementation<OnlyShape, StepStateKernels>;
PRIMAL_DEVICE_KERNELS(StepStateImplementation, step_state_chunks);  // step_state_cuda.cu

}  // namespace primal
