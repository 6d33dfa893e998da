// conv3d: the gradients of weight and bias of a 3x3 kernel for an x with one channel, as the picture has. The
// other kernels compute 32 x 32 channels at a time and would multiply 31 zeros for each number.
//
// Idea: a warp has four output channels, and a lane has a column of a tile of 8 x 32 pixels. For each row,
// a lane reads 9 pixels of x from shared memory and one number of grad_y for each of its channels, and
// multiplies this number with all nine pixels: 40 sums in registers. At the end the lanes add up their sums
// by shuffles. So grad_y is read once, as is y if the gradient goes through an activation, and memory is
// the limit: 16.8 MB for e0a.
// Parts of at most 2048 pixels, as in conv3d_tiled_weights.cu, [part][tap][O] and then the bias [O];
// added by conv3d_add_parts.
// Bounds: one_channel_kernel 96 registers, 2384 bytes of shared memory, no local memory
#include <algorithm>

#include "nn/conv3d/cuda/conv3d_partial_sums.h"
#include "tensor/simt/reduce.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kSide = 3, kTaps = kSide * kSide;
constexpr int kRows = 8, kPatchRows = kRows + kSide - 1, kPatchColumns = kLanes + kSide - 1;
constexpr int kWarps = 8, kThreadO = 4, kBlockO = kWarps * kThreadO, kThreads = kWarps * kLanes;
constexpr int64_t kWantedBlocks = 132, kMaxPixels = 2048;

struct OneChannel {
  Planes x, grad_y;  // equal except for the channels
  Tiles tiles;
  int64_t tiles_per_part;
  WeightParts parts;
};

// blockDim kThreads, gridDim (parts, blocks of kBlockO output channels).
__global__ void __launch_bounds__(kThreads)
    one_channel_kernel(OneChannel q, Global<const float> x, Global<const float> grad_y, Mask mask,
                       Global<float> parts) {
  PRIMAL_SHARED(float, patch, [kPatchRows][kPatchColumns]);
  const int thread = static_cast<int>(threadIdx.x), lane = thread % kLanes, warp = thread / kLanes;
  const int64_t warp_o = blockIdx.y * int64_t{kBlockO} + warp * kThreadO;
  float sum[kThreadO][kTaps] = {}, bias[kThreadO] = {};
  const int64_t n_in_all = q.x.n * q.x.d * q.tiles.in_plane(), begin = blockIdx.x * q.tiles_per_part;
  const int64_t end = begin + q.tiles_per_part < n_in_all ? begin + q.tiles_per_part : n_in_all;
  for (int64_t i = begin; i < end; ++i) {
    const TileAt tile = tile_at(q.x, q.tiles, i);
    const int64_t plane = (tile.n * q.x.d + tile.d) * q.x.pixels;
    __syncthreads();  // all threads have used the previous tile
    for (int at = thread; at < kPatchRows * kPatchColumns; at += kThreads) {
      const int64_t h = tile.h + at / kPatchColumns - 1, w = tile.w + at % kPatchColumns - 1;
      patch[at / kPatchColumns][at % kPatchColumns] =
          q.x.inside(h, w) ? float(x[plane + h * q.x.w + w]) : 0.0f;
    }
    __syncthreads();
    const int64_t first = (tile.n * q.grad_y.c + warp_o) * q.grad_y.volume() + tile.d * q.grad_y.pixels;
#pragma unroll 1
    for (int r = 0; r < kRows; ++r) {
      const int64_t h = tile.h + r, w = tile.w + lane;
      if (!q.x.inside(h, w)) continue;
      float pixel[kTaps];
#pragma unroll
      for (int t = 0; t < kTaps; ++t) pixel[t] = patch[r + t / kSide][lane + t % kSide];
#pragma unroll
      for (int o = 0; o < kThreadO; ++o) {
        if (warp_o + o >= q.grad_y.c) continue;
        const int64_t at = first + o * q.grad_y.volume() + h * q.x.w + w;
        const float g = mask.of(at, grad_y[at]);
        bias[o] += g;
#pragma unroll
        for (int t = 0; t < kTaps; ++t) sum[o][t] += g * pixel[t];
      }
    }
  }
  const Global<float> part = parts + blockIdx.x * q.parts.size();
#pragma unroll
  for (int o = 0; o < kThreadO; ++o) {
    const bool exists = warp_o + o < q.grad_y.c && lane == 0;
#pragma unroll
    for (int t = 0; t < kTaps; ++t) {
      const float all = warp_sum(sum[o][t]);
      if (exists) part[t * q.grad_y.c + warp_o + o] = all;
    }
    const float all = warp_sum(bias[o]);
    if (exists) part[q.parts.n_weights() + warp_o + o] = all;
  }
}

}  // namespace

bool conv3d_is_one_channel(const ChannelParts<const float>& x, View5<float> grad_weight) {
  return x.count() == 1 && grad_weight.size(2) == 1 && grad_weight.size(3) == 3 && grad_weight.size(4) == 3;
}

Conv3dWeightParts<float> conv3d_one_channel_begin_weights(const Exec& exec,
                                                          const ChannelParts<const float>& x,
                                                          const MaskedGradient<float>& grad_y,
                                                          View5<float> grad_weight,
                                                          View<float, 1> grad_bias) {
  OneChannel q{};
  q.x = planes_of(x, kSide);
  q.grad_y = planes_of(ChannelParts<const float>{grad_y.grad}, kSide);
  q.tiles = tiles_of(q.x, kRows);
  const int64_t n = n_tiles(q.x, q.tiles), blocks_o = (q.grad_y.c + kBlockO - 1) / kBlockO;
  const int64_t wanted = std::max(kWantedBlocks / blocks_o, int64_t{1});
  q.tiles_per_part = std::min((n + wanted - 1) / wanted, kMaxPixels / (kRows * kLanes));
  q.parts = {kTaps, q.grad_y.c, 1, (n + q.tiles_per_part - 1) / q.tiles_per_part};
  const int64_t n_left = q.parts.n * q.parts.size();
  const std::shared_ptr<void> memory = memory_for_parts(exec, n_left);
  const std::span<float> parts(static_cast<float*>(memory.get()), static_cast<size_t>(n_left));
  launch(exec,
         {.name = "conv3d_backward_weights_one_channel",
          .grid = grid_of(q.parts.n, blocks_o),
          .block = kThreads},
         one_channel_kernel, q, global(x.first).data, global(grad_y.grad).data, mask_of(grad_y),
         global(parts));
  return left_parts(memory, q.parts, grad_weight, grad_bias);
}

}  // namespace primal::PRIMAL_SIMT
