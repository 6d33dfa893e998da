#include "tensor/cuda/launch_error.h"

#include <cstdlib>
#include <string_view>

#include "tensor/error.h"

namespace primal::cuda {

void throw_launch_error(const char* kernel, const std::array<unsigned, 3>& grid,
                        const std::array<unsigned, 3>& block, size_t shared_bytes, const char* status,
                        const char* description) {
  throw DeviceError(
      "[{}] launch of {}x{}x{} blocks of {}x{}x{} threads with {} bytes of shared memory: {} ({})", kernel,
      grid[0], grid[1], grid[2], block[0], block[1], block[2], shared_bytes, description, status);
}

bool launches_wait() {
  static const bool once = [] {
    const char* text = std::getenv("PRIMAL_CUDA_SYNC");
    return text != nullptr && std::string_view(text) == "1";
  }();
  return once;
}

}  // namespace primal::cuda
