#include "tensor/cuda/launch_error.h"

#include "tensor/error.h"

namespace primal::cuda {

void throw_launch_error(const char* kernel, const std::array<unsigned, 3>& grid,
                        const std::array<unsigned, 3>& block, size_t shared_bytes, const char* status,
                        const char* description) {
  throw DeviceError(
      "[{}] launch of {}x{}x{} blocks of {}x{}x{} threads with {} bytes of shared memory: {} ({})", kernel,
      grid[0], grid[1], grid[2], block[0], block[1], block[2], shared_bytes, description, status);
}

}  // namespace primal::cuda
