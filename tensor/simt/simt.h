// One header, two builds. A kernel is ordinary CUDA C++ in a .cu file that includes this header, inside
// namespace primal::PRIMAL_SIMT:
//
//   nvcc  compiles it for the device; PRIMAL_SIMT is `cuda`, Global<T> is T* __restrict__;
//   g++   compiles the same file against the emulation; PRIMAL_SIMT is `simt`, Global<T> is a pointer that
//         checks.
//
//   namespace primal::PRIMAL_SIMT {
//   namespace {
//   __global__ void axpy_kernel(float a, Global<const float> x, Global<float> y, int64_t n) {
//     const int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
//     if (i < n) y[i] += a * x[i];
//   }
//   }  // namespace
//   void axpy(const Exec& exec, float a, std::span<const float> x, std::span<float> y) {
//     const int64_t n = std::ssize(x);
//     launch(exec, {.name = "axpy", .grid = blocks_for(n, 256), .block = 256}, axpy_kernel, a, global(x),
//            global(y), n);
//   }
//   }  // namespace primal::PRIMAL_SIMT
//
// In both builds, as in CUDA: threadIdx, blockIdx, blockDim, gridDim; __syncthreads and its _count, _or and
// _and; __syncwarp, __shfl_sync and its _up, _down and _xor, __any_sync, __all_sync, __ballot_sync;
// __threadfence; atomicAdd, Sub, Min, Max, And, Or, Xor, Inc, Exch, CAS; float2, float4 and other vectors;
// __ldg and the intrinsics of intrinsics.h. And
//
//   launch(exec, {.name, .grid, .block, .shared_bytes, .cooperative, .cluster}, kernel, arguments...)
//                                           DeviceError where it cannot be
//   GlobalView<const T, 5> x                a View whose elements are checked; global(view) makes one
//   as<float4>(x + i)                       the same memory as wider elements:
//                                           const float4 v = *as<float4>(x + i)
//   PRIMAL_SHARED(float, tile, [8][33]);    shared memory of the block;
//                                           `PRIMAL_SHARED(float, sum, );` for one value
//   PRIMAL_DYNAMIC_SHARED(float, tile);     a pointer to the .shared_bytes of the launch; once per kernel
//   grid_sync();                            barrier of the whole grid, in a launch with .cooperative = true
//   cluster_sync(); cluster_rank(); cluster_size();
//                                           in a launch with .cluster = dim3(...); compute capability 9.0
//   map_shared(tile, rank)                  the tile of that block of the cluster
//
// In the emulation x[i] and tile[i][j] check the index, and what is read, that something was written. They
// give references there, so name the type of what you read: `auto v = x[i]` would read later. A helper that
// takes an array or a pointer takes it as `template <class Tile> ... const Tile& tile`.
//
// What the emulation catches, and what not, how races are found and memory requests counted:
// README.md beside this file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "tensor/device.h"
#include "tensor/view.h"

#ifdef __CUDACC__
#include "tensor/simt/simt_cuda.h"  // IWYU pragma: export
#define PRIMAL_SIMT cuda
#else
#include "tensor/simt/simt_emulation.h"  // IWYU pragma: export
#define PRIMAL_SIMT simt
#endif

namespace primal::PRIMAL_SIMT {

// The kind of device that this build of a .cu file is for.
#ifdef __CUDACC__
inline constexpr Device::Kind kDevice = Device::Kind::cuda;
#else
inline constexpr Device::Kind kDevice = Device::Kind::simt;
#endif

// A grid of so many blocks along each axis. A number that is too large for a dim3 becomes the
// largest, which launch() rejects.
inline dim3 grid_of(int64_t x, int64_t y = 1, int64_t z = 1) {
  const auto extent = [](int64_t n) {
    constexpr int64_t kMost = std::numeric_limits<unsigned>::max();
    return static_cast<unsigned>(n < kMost ? n : kMost);
  };
  return dim3(extent(x), extent(y), extent(z));
}

// Blocks of `block` threads that cover n elements; at least one, since an empty grid cannot be launched.
inline dim3 blocks_for(int64_t n, int64_t block) { return grid_of(n > 0 ? (n + block - 1) / block : 1); }

// View<T, R> as kernels take it: x(n, c, d, h, w), x.extent[axis], x.data[i].
template <class T, int R>
struct GlobalView {
  Global<T> data;
  int64_t extent[size_t{R}];

  template <class... I>
  __forceinline__ __device__ int64_t offset(I... index) const {
    static_assert(sizeof...(I) == R, "one index per axis");
    int64_t at = 0, axis = 0;
    ((at = at * extent[axis++] + static_cast<int64_t>(index)), ...);
    return at;
  }
  // The first index knows where it is written, so that messages name that place and not this one.
  template <class... Rest>
  __forceinline__ __device__ decltype(auto) operator()(Index first, Rest... rest) const {
    return data[at_the_place_of(first, offset(first, rest...))];
  }
};

template <class T, int R>
GlobalView<T, R> global(const View<T, R>& view) {
  GlobalView<T, R> g;
  g.data = global(view.data != nullptr ? view.flat() : std::span<T>());
  for (int axis = 0; axis < R; ++axis) g.extent[axis] = view.size(axis);
  return g;
}

}  // namespace primal::PRIMAL_SIMT
