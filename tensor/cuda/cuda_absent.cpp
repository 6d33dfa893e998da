// CUDA devices in a build without CUDA.
#include "tensor/cuda/cuda_backend.h"
#include "tensor/cuda/side_stream.h"
#include "tensor/error.h"

namespace primal::cuda {
namespace {

constexpr const char* kAbsent =
    "this build has no CUDA: it was configured where no nvcc was found, or with PRIMAL_CUDA=OFF";

}  // namespace

CudaStatus status() { return {.runtime = {}, .driver = {}, .absent = kAbsent}; }
int n_devices() { return 0; }
DeviceInfo device_info(int) { throw DeviceError("[device] {}", kAbsent); }
std::string bus_id(int) { throw DeviceError("[device] {}", kAbsent); }
std::unique_ptr<SideStream> make_side_stream(int) { throw DeviceError("[device] {}", kAbsent); }
Backend& cuda_backend(int) { throw DeviceError("[device] {}", kAbsent); }
std::shared_ptr<GraphMemory> make_graph_memory(int) { throw DeviceError("[device] {}", kAbsent); }
std::unique_ptr<GraphRecorder> record_graph(int, std::shared_ptr<GraphMemory>) {
  throw DeviceError("[device] {}", kAbsent);
}

}  // namespace primal::cuda
