// For cooperative launches, whose blocks read after a grid_sync() what other blocks wrote: how large the grid
// may be, how to read these values, and their sum. Included by .cu files and their headers alone.
//
// Why not two launches: a grid is predicted to meet in 1.2 us, and another launch to take 1.2 to 3 us,
// however little it does (bench/results/predicted_h200.md; not measured).
#pragma once

#include <type_traits>

#include "tensor/simt/reduce.h"
#ifndef __CUDACC__
#include "tensor/simt/emulated_device.h"
#endif

namespace primal::PRIMAL_SIMT {

// As many blocks as may wait for each other, for a grid of at most `wanted`.
template <class Kernel>
unsigned resident_blocks(const Exec& exec, Kernel* kernel, int64_t wanted, int threads) {
#ifdef __CUDACC__
  stream_of(exec.device);  // makes it the current one
  int processors = 0, blocks_each = 0;
  cuda_check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, exec.device.index),
             "count the multiprocessors of the device");
  cuda_check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks_each, kernel, threads, 0),
             "count the blocks of a cooperative kernel that fit a multiprocessor");
  const int64_t most = int64_t{processors} * blocks_each;
#else
  static_cast<void>(exec), static_cast<void>(kernel), static_cast<void>(threads);
  const int64_t most = emulated_residents;
#endif
  return static_cast<unsigned>(wanted < most ? wanted : most);
}

// What another block wrote in this launch. The read-only cache and the L1 of a multiprocessor may hold older
// values; nvcc could use the read-only cache if nothing in the kernel writes through this pointer.
template <class T>
__device__ std::remove_const_t<T> written_by_others(const Global<T>& values, int64_t i) {
#ifdef __CUDACC__
  return __ldcg(values + i);
#else
  return values[i];
#endif
}

// The sum of n values that other blocks wrote in this launch, in every thread. It is a barrier of the block,
// which may have any shape of whole warps: they share the work of the warps of kSumThreads threads, so the
// bits are those of block_sum_of() in a block of that size.
template <class T>
__device__ T block_sum_of_others(Global<const T> values, int64_t n) {
  constexpr int lanes = 32;
  PRIMAL_SHARED(T, of_warp, [kSumThreads / lanes]);
  const int thread = static_cast<int>(threadIdx.y * blockDim.x + threadIdx.x), lane = thread % lanes;
  for (int summand = thread; summand < kSumThreads; summand += static_cast<int>(blockDim.y * blockDim.x)) {
    T sum = T(0);
    for (int64_t i = summand; i < n; i += kSumThreads) sum += written_by_others(values, i);
    sum = warp_sum(sum);
    if (lane == 0) of_warp[summand / lanes] = sum;
  }
  __syncthreads();
  T sum = T(0);
  if (lane < kSumThreads / lanes) sum = of_warp[lane];
  sum = warp_sum(sum);
  __syncthreads();  // the next sum may write there now
  return sum;
}

}  // namespace primal::PRIMAL_SIMT
