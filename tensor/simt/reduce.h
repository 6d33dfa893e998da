// Sums over the threads of a warp or a block in one fixed order, so that their bits do not change from run to
// run.
#pragma once

#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {

// The sum over the lanes of a warp, in every lane. Pairs are added from both sides alike, so all
// lanes have the same bits.
template <class T>
__device__ T warp_sum(T value) {
  for (int distance = warpSize / 2; distance > 0; distance /= 2)
    value += __shfl_xor_sync(0xFFFFFFFFu, value, distance);
  return value;
}

// The largest value of a warp, in every lane.
template <class T>
__device__ T warp_max(T value) {
  for (int distance = warpSize / 2; distance > 0; distance /= 2) {
    const T other = __shfl_xor_sync(0xFFFFFFFFu, value, distance);
    value = other > value ? other : value;
  }
  return value;
}

// The sum over a block of whole warps in one dimension, in every thread: a tree in each warp, then one over
// the warps. It is a barrier: all threads of the block call it.
template <class T>
__device__ T block_sum(T value) {
  PRIMAL_SHARED(T, of_warp, [32]);
  const int lane = static_cast<int>(threadIdx.x) % warpSize, warp = static_cast<int>(threadIdx.x) / warpSize;
  const int n_warps = static_cast<int>(blockDim.x) / warpSize;
  value = warp_sum(value);
  if (lane == 0) of_warp[warp] = value;
  __syncthreads();
  T sum = T(0);
  if (lane < n_warps) sum = of_warp[lane];
  sum = warp_sum(sum);
  __syncthreads();  // the next sum may write there now
  return sum;
}

// The sum of n values of global memory over a block, as block_sum.
template <class T>
__device__ T block_sum_of(Global<const T> values, int64_t n) {
  T sum = T(0);
  for (int64_t i = threadIdx.x; i < n; i += blockDim.x) sum += values[i];
  return block_sum(sum);
}

// A sum of n terms in two stages: so many blocks of kSumThreads threads take the terms in strides, then one
// block adds up what they found. A few terms for each thread, and no more blocks than a block has threads.
constexpr int kSumThreads = 256;
inline unsigned sum_blocks(int64_t n) {
  const int64_t blocks = (n + 4 * kSumThreads - 1) / (4 * kSumThreads);
  return static_cast<unsigned>(blocks < 1 ? 1 : blocks < kSumThreads ? blocks : kSumThreads);
}

// The second stage, of one sum or of several: sums[i] = sum of partial[i, :] / divisor, a block for each i.
template <class T>
__global__ void finish_sums_kernel(Global<const double> partial, int64_t n_each, double divisor,
                                   Global<T> sums) {
  const double sum = block_sum_of<double>(partial + blockIdx.x * n_each, n_each);
  if (threadIdx.x == 0) sums[blockIdx.x] = static_cast<T>(sum / divisor);
}
template <class T>
void finish_sums(const Exec& exec, const char* name, std::span<const double> partial, std::span<T> sums,
                 int64_t divisor = 1) {
  const int64_t n = std::ssize(sums);
  launch(exec, {.name = name, .grid = grid_of(n), .block = kSumThreads}, finish_sums_kernel<T>,
         global(partial), std::ssize(partial) / n, static_cast<double>(divisor), global(sums));
}

}  // namespace primal::PRIMAL_SIMT
