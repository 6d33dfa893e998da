// Adds the parts of weight gradients in additional blocks of a backward-data launch. These blocks read the
// parts that the previous launch has written, and use multiprocessors that would have nothing else to do. The
// order of the additions and the bits are those of conv3d_add_parts. Included by .cu files alone.
#pragma once

#include "nn/conv3d/conv3d_kernels.h"
#include "nn/conv3d/cuda/conv3d_partial_sums.h"

namespace primal::PRIMAL_SIMT {

constexpr int kSumWarps = 4;   // warps of a block
constexpr int kPartTurns = 8;  // part p is added to sum p % 8, and then these 8 sums are added in order

struct WeightSums {
  WeightParts q;  // n = 0: nothing to add
  Global<const float> parts;
  Global<float> grad_weight, grad_bias;
  bool wants_bias;
  int64_t first_z;  // blocks with this blockIdx.z or a larger one add parts
};

__device__ inline void add_to_gradient(const WeightSums& s, int64_t i, double total) {
  if (i >= s.q.n_weights()) {
    if (s.wants_bias) s.grad_bias[i - s.q.n_weights()] += static_cast<float>(total);
    return;
  }
  const auto row = static_cast<unsigned>(i) / static_cast<unsigned>(s.q.n_in),
             tap = row / static_cast<unsigned>(s.q.n_out);
  const int64_t c = i - row * s.q.n_in, o = row - tap * s.q.n_out;
  s.grad_weight[(o * s.q.n_in + c) * s.q.n_taps + tap] += static_cast<float>(total);
}

// One thread adds all parts of an element; for few parts.
__device__ inline void add_few_parts(const WeightSums& s, int64_t first, int64_t stride, int thread) {
  const int64_t n = s.q.size();
  for (int64_t i = first * kSumWarps * kLanes + thread; i < n; i += stride * kSumWarps * kLanes) {
    double sums[kPartTurns] = {};
    for (int64_t part = 0; part < s.q.n; part += kPartTurns) {
#pragma unroll
      for (int t = 0; t < kPartTurns; ++t) {
        if (part + t < s.q.n) sums[t] += s.parts[(part + t) * n + i];
      }
    }
    double total = 0.0;
#pragma unroll
    for (int t = 0; t < kPartTurns; ++t) total += sums[t];
    add_to_gradient(s, i, total);
  }
}

// Four lanes, one in each warp, add the parts of an element, with two of the 8 sums each; for many parts.
__device__ inline void add_many_parts(const WeightSums& s, int64_t first, int64_t stride, int thread) {
  PRIMAL_SHARED(double, sums, [kPartTurns][kLanes]);
  const int lane = thread % kLanes, warp = thread / kLanes;
  const int64_t n = s.q.size();
  for (int64_t begin = first * kLanes; begin < n; begin += stride * kLanes) {
    const int64_t i = begin + lane;
#pragma unroll
    for (int t = warp; t < kPartTurns; t += kSumWarps) {
      double sum = 0.0;
      if (i < n) {
        for (int64_t part = t; part < s.q.n; part += kPartTurns) sum += s.parts[part * n + i];
      }
      sums[t][lane] = sum;
    }
    __syncthreads();
    if (warp == 0 && i < n) {
      double total = 0.0;
      for (int t = 0; t < kPartTurns; ++t) total += sums[t][lane];
      add_to_gradient(s, i, total);
    }
    __syncthreads();
  }
}

// Adds parts if this is one of the blocks for that, and returns true; such a block has nothing else to do. A
// block has kSumWarps warps.
__device__ inline bool added_weight_sums(const WeightSums& s, int thread) {
  constexpr int64_t kFew = 32;
  if (blockIdx.z < s.first_z) return false;
  const int64_t slice = int64_t{gridDim.x} * gridDim.y;
  const int64_t first = (blockIdx.z - s.first_z) * slice + blockIdx.y * int64_t{gridDim.x} + blockIdx.x,
                stride = (gridDim.z - s.first_z) * slice;
  if (s.q.n <= kFew) {
    add_few_parts(s, first, stride, thread);
  } else {
    add_many_parts(s, first, stride, thread);
  }
  return true;
}

inline WeightParts shape_of(const Conv3dWeightParts<float>& left) {
  return {left.n_taps, left.n_out, left.n_in, left.memory == nullptr ? 0 : left.n};
}

// `at` is a launch with the grid and cluster of the convolution. Its grid is extended by the
// blocks that add the parts.
inline WeightSums weight_sums(const Conv3dWeightParts<float>& left, Launch& at) {
  constexpr int64_t kMostBlocks = 2 * 132;
  WeightSums s{};
  s.q = shape_of(left);
  s.first_z = at.grid.z;
  if (s.q.n == 0) return s;
  const auto span = [](float* data, int64_t n) {
    return global(std::span(data, data == nullptr ? size_t{0} : static_cast<size_t>(n)));
  };
  s.parts = global(std::span<const float>(left.parts, static_cast<size_t>(s.q.n * s.q.size())));
  s.grad_weight = span(left.grad_weight, s.q.n_weights());
  s.grad_bias = span(left.grad_bias, s.q.n_out);
  s.wants_bias = left.grad_bias != nullptr;
  const int64_t groups = (s.q.size() + kLanes - 1) / kLanes,
                blocks = groups < kMostBlocks ? groups : kMostBlocks;
  const int64_t slice = int64_t{at.grid.x} * at.grid.y, cluster = at.cluster.z;
  const int64_t slices = (blocks + slice - 1) / slice;
  at.grid.z += static_cast<unsigned>((slices + cluster - 1) / cluster * cluster);
  return s;
}

}  // namespace primal::PRIMAL_SIMT
