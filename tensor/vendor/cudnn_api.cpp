#include "tensor/vendor/cudnn_api.h"

#include <map>
#include <mutex>

#include "tensor/cuda/cuda_check.h"
#include "tensor/error.h"

namespace primal::cuda {
namespace {

VendorLibrary library_for_this_build() {
  // From CUDA 13 on, Python's packages have all libraries of a version in one folder.
  return {.name = "cuDNN",
          .file = fmt::format("libcudnn.so.{}", CUDNN_MAJOR),
          .root = "CUDNN_ROOT",
          .of_python = {"cudnn/lib", fmt::format("cu{}/lib", CUDART_VERSION / 1000)}};
}

}  // namespace

const VendorApi<CudnnApi>& cudnn_library() {
  static const VendorApi<CudnnApi> library(library_for_this_build());
  return library;
}

cudnnHandle_t cudnn_handle(Device device) {
  static std::mutex mutex;
  static std::map<int, cudnnHandle_t> handles;
  const cudaStream_t stream = stream_of(device);
  const std::lock_guard lock(mutex);
  cudnnHandle_t& kept = handles[device.index];
  if (kept == nullptr) {
    cudnnHandle_t handle = nullptr;
    cudnn_check(cudnn().cudnnCreate(&handle), "begin");
    const cudnnStatus_t status = cudnn().cudnnSetStream(handle, stream);
    if (status != CUDNN_STATUS_SUCCESS) cudnn().cudnnDestroy(handle);
    cudnn_check(status, "take the device's stream");
    kept = handle;
  }
  return kept;
}

void cudnn_check(cudnnStatus_t status, const char* what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  throw DeviceError("[cudnn] could not {}: {} ({})", what, cudnn().cudnnGetErrorString(status),
                    static_cast<int>(status));
}

}  // namespace primal::cuda
