// What a failing launch on a device throws, and when it is asked. Apart, because nvcc does not evaluate fmt's format strings.
#pragma once

#include <array>
#include <cstddef>

namespace primal::cuda {

// DeviceError with CUDA's name and description of the status.
[[noreturn]] void throw_launch_error(const char* kernel, const std::array<unsigned, 3>& grid,
                                     const std::array<unsigned, 3>& block, size_t shared_bytes,
                                     const char* status, const char* description);

// PRIMAL_CUDA_SYNC=1 in the environment: each launch waits for its kernel, so that a fault is told by the kernel's name, not
// by that of the next copy.
bool launches_wait();

}  // namespace primal::cuda
