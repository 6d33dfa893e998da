#include "tensor/cuda/launch_error.h"

#include <algorithm>
#include <cstdlib>
#include <fmt/ranges.h>
#include <mutex>
#include <vector>

#include "tensor/device_graph.h"
#include "tensor/error.h"

namespace primal::cuda {
namespace {

// Faults of a running kernel, after which the context is lost.
constexpr std::array<std::string_view, 9> kFaults = {
    "cudaErrorIllegalAddress",     "cudaErrorLaunchFailure", "cudaErrorMisalignedAddress",
    "cudaErrorIllegalInstruction", "cudaErrorInvalidPc",     "cudaErrorInvalidAddressSpace",
    "cudaErrorHardwareStackError", "cudaErrorAssert",        "cudaErrorLaunchTimeout"};

constexpr size_t kMost = 16;  // names in a message, the latest

// The launches of this process that nobody has waited for, each name once, in the order of its latest launch.
std::mutex under_way_mutex;
std::vector<const char*> under_way;

}  // namespace

void throw_launch_error(const char* kernel, const std::array<unsigned, 3>& grid,
                        const std::array<unsigned, 3>& block, size_t shared_bytes, const char* status,
                        const char* description) {
  throw DeviceError(
      "[{}] launch of {}x{}x{} blocks of {}x{}x{} threads with {} bytes of shared memory: {} ({}){}", kernel,
      grid[0], grid[1], grid[2], block[0], block[1], block[2], shared_bytes, description, status,
      launches_wait() ? std::string() : suspects(status));
}

bool launches_wait() {
  static const bool once = [] {
    const char* text = std::getenv("PRIMAL_CUDA_SYNC");
    return text != nullptr && std::string_view(text) == "1";
  }();
  return once;
}

void note_launch(const char* kernel) {
  std::lock_guard lock(under_way_mutex);
  std::erase(under_way, kernel);
  if (under_way.size() == kMost) under_way.erase(under_way.begin());
  under_way.push_back(kernel);
}

void note_launch(const char* kernel, Device device) {
  if (Capture* capture = Capture::of(device)) return capture->note(kernel);
  note_launch(kernel);
}

void note_wait() {
  std::lock_guard lock(under_way_mutex);
  under_way.clear();
}

std::string suspects(std::string_view status) {
  if (std::ranges::count(kFaults, status) == 0) return {};
  std::lock_guard lock(under_way_mutex);
  if (under_way.empty()) return {};
  return fmt::format("; launched since the host last waited: {} (PRIMAL_CUDA_SYNC=1 tells which)",
                     fmt::join(under_way, ", "));
}

}  // namespace primal::cuda
