// Kernels of drawn_noise.h on devices.
#pragma once

#include <cstdint>
#include <span>

#include "data/noise/noise_params.h"
#include "tensor/exec.h"
#include "tensor/host_device.h"
#include "tensor/op/implementation.h"
#include "tensor/philox.h"

namespace primal {

// s, and the stream: two words of the key, epoch and sample. All are exact in double.
constexpr int64_t kNoiseDrawNumbers = 5;

struct DrawnNoiseKernels {
  // z = one picture x with the noise of draw [5]
  void (*add)(const Exec&, std::span<const float> x, NoiseKind, std::span<const double> draw,
              std::span<float> z);
};

using DrawnNoiseImplementation = Implementation<OnlyShape, DrawnNoiseKernels>;
PRIMAL_DEVICE_KERNELS(DrawnNoiseImplementation, drawn_noise_philox);  // drawn_noise_cuda.cu

}  // namespace primal
