// The device build of simt.h: what CUDA has already needs nothing, the rest are a few lines.
#pragma once

#include <cooperative_groups.h>
#include <cstddef>
#include <cstdint>
#include <cuda_runtime.h>
#include <span>
#include <type_traits>

#include "tensor/cuda/cuda_check.h"
#include "tensor/cuda/launch_error.h"
#include "tensor/exec.h"

namespace primal::cuda {

using ::dim3;

template <class T>
using Global = T* __restrict__;

template <class T>
T* global(std::span<T> s) {
  return s.data();
}

// In the emulation an index knows where it is written.
using Index = int64_t;
__device__ inline Index at_the_place_of(Index, int64_t i) { return i; }

#define PRIMAL_SHARED(Type, name, ...) __shared__ Type name __VA_ARGS__

// One array for all kernels, since extern arrays of one name must agree in their type; aligned for float4.
#define PRIMAL_DYNAMIC_SHARED(Type, name)                                      \
  extern __shared__ __align__(16) unsigned char primal_dynamic_shared_bytes[]; \
  Type* const name = reinterpret_cast<Type*>(primal_dynamic_shared_bytes)

__device__ inline void grid_sync() { cooperative_groups::this_grid().sync(); }

struct Launch {
  const char* name = "";
  dim3 grid = dim3(1), block = dim3(1);
  size_t shared_bytes = 0;
  bool cooperative = false;
};

// DeviceError naming the kernel and CUDA's reason, where status is not a success.
inline void check_launch(const Launch& at, cudaError_t status) {
  if (status == cudaSuccess) return;
  throw_launch_error(at.name, {at.grid.x, at.grid.y, at.grid.z}, {at.block.x, at.block.y, at.block.z},
                     at.shared_bytes, cudaGetErrorName(status), cudaGetErrorString(status));
}

constexpr size_t kSharedBytesByDefault = 48 << 10;  // more has to be asked for, kernel by kernel

template <class... Params, class... Args>
void launch(const Exec& exec, const Launch& at, void (*kernel)(Params...), Args&&... args) {
  static_assert(sizeof...(Params) == sizeof...(Args), "as many arguments as the kernel has parameters");
  const cudaStream_t stream = stream_of(exec.device);
  if (at.shared_bytes > kSharedBytesByDefault) {
    check_launch(at, cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                                          cudaFuncAttributeMaxDynamicSharedMemorySize,
                                          static_cast<int>(at.shared_bytes)));
  }
  if (at.cooperative) {
    const auto run = [&](Params... params) {
      void* pointers[] = {static_cast<void*>(const_cast<std::remove_const_t<Params>*>(&params))..., nullptr};
      return cudaLaunchCooperativeKernel(reinterpret_cast<const void*>(kernel), at.grid, at.block, pointers,
                                         at.shared_bytes, stream);
    };
    check_launch(at, run(static_cast<Params>(args)...));
  } else {
    kernel<<<at.grid, at.block, at.shared_bytes, stream>>>(static_cast<Params>(args)...);
    check_launch(at, cudaGetLastError());
  }
}

}  // namespace primal::cuda
