// cuda_check(status, "what was done"): DeviceError with CUDA's name and description where it failed.
#pragma once

#include <cuda_runtime.h>

#include "tensor/device.h"

namespace primal::cuda {

[[noreturn]] void throw_cuda_error(cudaError_t status, const char* what);

inline void cuda_check(cudaError_t status, const char* what) {
  if (status != cudaSuccess) throw_cuda_error(status, what);
}

// Makes that device the current one of this thread and returns its stream: all work of a device is in the order of one.
cudaStream_t stream_of(Device device);

}  // namespace primal::cuda
