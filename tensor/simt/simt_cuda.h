// The device build of simt.h: what CUDA has already needs nothing, the rest are a few lines.
#pragma once

#include <cooperative_groups.h>
#include <cstddef>
#include <cstdint>
#include <cuda_runtime.h>
#include <span>
#include <type_traits>
#include <utility>

#include "tensor/cuda/cuda_check.h"
#include "tensor/cuda/launch_error.h"
#include "tensor/exec.h"
#include "tensor/rehearsal.h"

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

// The same memory as elements of another type: as<float4>(x + i) loads four at once.
template <class U, class T>
__host__ __device__ auto as(T* p) {
  return reinterpret_cast<std::conditional_t<std::is_const_v<T>, const U, U>*>(p);
}

#define PRIMAL_SHARED(Type, name, ...) __shared__ Type name __VA_ARGS__

// One array for all kernels, since extern arrays of one name must agree in their type; aligned for float4.
#define PRIMAL_DYNAMIC_SHARED(Type, name)                                      \
  extern __shared__ __align__(16) unsigned char primal_dynamic_shared_bytes[]; \
  Type* const name = reinterpret_cast<Type*>(primal_dynamic_shared_bytes)

__device__ inline void grid_sync() { cooperative_groups::this_grid().sync(); }

// Clusters are of compute capability 9.0; for less this compiles, and launch() fails.
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
#define PRIMAL_CLUSTER(what) cooperative_groups::this_cluster().what
#else
#define PRIMAL_CLUSTER(what) (__trap(), 0)
#endif
__device__ inline void cluster_sync() { PRIMAL_CLUSTER(sync()); }
__device__ inline unsigned cluster_rank() { return PRIMAL_CLUSTER(block_rank()); }
__device__ inline unsigned cluster_size() { return PRIMAL_CLUSTER(num_blocks()); }

// Shared memory of the block of that rank in the cluster: its `array`, or what its own `pointer` would point
// to.
template <class Pointer>
requires std::is_pointer_v<Pointer> __device__ Pointer map_shared(const Pointer& pointer, unsigned rank) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  return cooperative_groups::this_cluster().map_shared_rank(pointer, static_cast<int>(rank));
#else
  __trap();
  return pointer + rank;
#endif
}
template <class T, size_t n>
__device__ T (&map_shared(T (&array)[n], unsigned rank))[n] {
  return *map_shared(&array, rank);
}
#undef PRIMAL_CLUSTER

struct Launch {
  const char* name = "";
  dim3 grid = dim3(1), block = dim3(1);
  size_t shared_bytes = 0;
  bool cooperative = false;
  dim3 cluster = dim3(1);
};

// DeviceError naming the kernel and CUDA's reason, where status is not a success.
inline void check_launch(const Launch& at, cudaError_t status) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // reported here, so not by the next call that asks
  throw_launch_error(at.name, {at.grid.x, at.grid.y, at.grid.z}, {at.block.x, at.block.y, at.block.z},
                     at.shared_bytes, cudaGetErrorName(status), cudaGetErrorString(status));
}

constexpr size_t kSharedBytesByDefault = 48 << 10;  // more has to be asked for, kernel by kernel
constexpr unsigned kPortableCluster = 8;            // larger clusters too

// What a kernel has to be allowed before this launch. Its static shared memory counts as well; to ask takes
// about a microsecond, so only kernels with dynamic shared memory are asked for it.
inline void allow(const Launch& at, const void* kernel) {
  if (at.shared_bytes > 0) {
    cudaFuncAttributes attributes{};
    check_launch(at, cudaFuncGetAttributes(&attributes, kernel));
    if (attributes.sharedSizeBytes + at.shared_bytes > kSharedBytesByDefault) {
      check_launch(at, cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                            static_cast<int>(at.shared_bytes)));
    }
  }
  if (at.cluster.x * at.cluster.y * at.cluster.z > kPortableCluster)
    check_launch(at, cudaFuncSetAttribute(kernel, cudaFuncAttributeNonPortableClusterSizeAllowed, 1));
}

template <class... Params, class... Args>
void launch_now(const Exec& exec, const Launch& at, void (*kernel)(Params...), Args&&... args) {
  const cudaStream_t stream = stream_of(exec.device);
  allow(at, reinterpret_cast<const void*>(kernel));
  const auto run = [&](Params... params) {
    void* pointers[] = {static_cast<void*>(const_cast<std::remove_const_t<Params>*>(&params))..., nullptr};
    cudaLaunchAttribute attributes[2] = {};
    cudaLaunchConfig_t config = {};
    config.gridDim = at.grid;
    config.blockDim = at.block;
    config.dynamicSmemBytes = at.shared_bytes;
    config.stream = stream;
    config.attrs = attributes;
    if (at.cooperative) {
      attributes[config.numAttrs].id = cudaLaunchAttributeCooperative;
      attributes[config.numAttrs++].val.cooperative = 1;
    }
    if (at.cluster.x * at.cluster.y * at.cluster.z > 1) {
      attributes[config.numAttrs].id = cudaLaunchAttributeClusterDimension;
      attributes[config.numAttrs].val.clusterDim.x = at.cluster.x;
      attributes[config.numAttrs].val.clusterDim.y = at.cluster.y;
      attributes[config.numAttrs++].val.clusterDim.z = at.cluster.z;
    }
    return cudaLaunchKernelExC(&config, reinterpret_cast<const void*>(kernel), pointers);
  };
  check_launch(at, run(static_cast<Params>(args)...));
  note_launch(at.name, exec.device);
  if (launches_wait()) {
    check_launch(at, cudaStreamSynchronize(stream));
    note_wait();
  }
}

template <class... Params, class... Args>
void launch(const Exec& exec, const Launch& at, void (*kernel)(Params...), Args&&... args) {
  static_assert(sizeof...(Params) == sizeof...(Args), "as many arguments as the kernel has parameters");
  unless_rehearsing([&] { launch_now(exec, at, kernel, std::forward<Args>(args)...); });
}

}  // namespace primal::cuda
