// What a failing launch on a device throws. Apart, because nvcc does not evaluate fmt's format strings.
#pragma once

#include <array>
#include <cstddef>

namespace primal::cuda {

// DeviceError with CUDA's name and description of the status.
[[noreturn]] void throw_launch_error(const char* kernel, const std::array<unsigned, 3>& grid,
                                     const std::array<unsigned, 3>& block, size_t shared_bytes,
                                     const char* status, const char* description);

}  // namespace primal::cuda
