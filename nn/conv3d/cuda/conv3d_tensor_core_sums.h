// How a warp of conv3d_tensor_core.cu finishes its sums: it writes them, or the blocks of its cluster add
// them up. Included by that file alone.
#pragma once

#include "nn/conv3d/cuda/conv3d_cluster_sum.h"
#include "nn/conv3d/cuda/conv3d_tensor_core_product.h"

namespace primal::PRIMAL_SIMT {

// The sums of a lane, in the layout of tensor_core.h.
using Sums = float[kWarpRows][kTilesN][4];

// Finishes the sums of a warp, and writes those whose pixel and channel exist.
__device__ inline void write_sums(const Sums& sum, const Product& q, const TileAt& tile, int64_t first_n,
                                  int row, int column, int lane, Global<const float> bias,
                                  const GlobalChannelParts<float>& out) {
  const int64_t split_at = blockIdx.z * (q.to.n * q.to.c * q.to.volume());
  const int g = lane / 4, t = lane % 4;
#pragma unroll
  for (int j = 0; j < kTilesN; ++j) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int64_t o = first_n + 8 * j + 2 * t + i;
      if (o >= q.to.c) continue;
      const float start = q.finish.has_bias ? bias[o] : 0.0f;
      const ChannelRange<float> range = out.of(o);
      const int64_t plane = split_at + range.at(tile.n, o, q.to.volume()) + tile.d * q.to.pixels;
#pragma unroll
      for (int m = 0; m < kWarpRows; ++m) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const int64_t h = tile.h + row + m, w = tile.w + column + g + 8 * half;
          if (!q.to.inside(h, w)) continue;
          const int64_t at = plane + h * q.to.w + w;
          const float already = q.finish.add ? float(range.data[at]) : start;
          range.data[at] = leaky_relu(already + sum[m][j][2 * half + i], q.finish.slope);
        }
      }
    }
  }
}

// Puts the sums of a warp into shared memory as a part of the sums of the cluster, whose blocks add
// up, finish and write them.
template <class Shared>
__device__ void sum_in_cluster(const Sums& sum, const Shared& part, const Product& q, const TileAt& tile,
                               int64_t first_n, int row, int column, int thread, Global<const float> bias,
                               const GlobalChannelParts<float>& out) {
  const int g = thread % kLanes / 4, t = thread % 4;
  __syncthreads();  // all warps have used the data of the last step, which the part overwrites
#pragma unroll
  for (int j = 0; j < kTilesN; ++j) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
#pragma unroll
      for (int m = 0; m < kWarpRows; ++m) {
#pragma unroll
        for (int half = 0; half < 2; ++half)
          part[(8 * j + 2 * t + i) * kPartStride + (row + m) * kLanes + column + g + 8 * half] =
              sum[m][j][2 * half + i];
      }
    }
  }
  constexpr int kPixels = kRows * kLanes;
  const auto place = [](int i) { return i / kPixels * kPartStride + i % kPixels; };
  sum_over_cluster<float>(part, kBlockN * kPixels, thread, kThreads, place, [&](int i, float of_all) {
    const int64_t o = first_n + i / kPixels, h = tile.h + i / kLanes % kRows, w = tile.w + i % kLanes;
    if (o >= q.to.c || !q.to.inside(h, w)) return;
    const ChannelRange<float> range = out.of(o);
    const int64_t to = range.at(tile.n, o, q.to.volume()) + tile.d * q.to.pixels + h * q.to.w + w;
    const float start = q.finish.has_bias ? bias[o] : 0.0f;
    const float already = q.finish.add ? float(range.data[to]) : start;
    range.data[to] = leaky_relu(already + of_all, q.finish.slope);
  });
}

}  // namespace primal::PRIMAL_SIMT
