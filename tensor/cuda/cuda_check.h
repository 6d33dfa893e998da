// cuda_check(status, "what was done"): DeviceError with CUDA's name and description where it failed.
#pragma once

#include <cuda_runtime.h>

#include "tensor/device.h"

namespace primal::cuda {

[[noreturn]] void throw_cuda_error(cudaError_t status, const char* what);

inline void cuda_check(cudaError_t status, const char* what) {
  if (status != cudaSuccess) throw_cuda_error(status, what);
}

// Memory of the current device; null where it has not so much left.
inline void* allocate_or_null(size_t bytes) {
  void* block = nullptr;
  const cudaError_t status = cudaMalloc(&block, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    return nullptr;
  }
  cuda_check(status, "allocate memory");
  return block;
}

// Makes that device the current one of this thread and returns its stream: all work of a device is in the
// order of one.
cudaStream_t stream_of(Device device);

}  // namespace primal::cuda
