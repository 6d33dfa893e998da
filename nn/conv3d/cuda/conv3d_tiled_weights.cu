// conv3d, tiled: the gradients of weight and bias, for the shapes of conv3d_tiled.cu.
//
// Idea: a matrix product over pixels, grad_weight[o, (c, tap)] = sum over pixels of
// grad_y[o] x[c, pixel at tap], cut into blocks of 32 output x 32 input channels x all taps, and the pixels
// into parts. A block goes through its part in tiles of 2 x 32 pixels: it brings grad_y and x with its border
// to shared memory, channels innermost. Each of its warps has a row of taps and half of the input channels; a
// lane has 8 output x 2 input channels x 3 taps, 48 sums in registers. For 4 neighbouring pixels it reads
// 4 x 8 of grad_y, four words to an access, and 2 x 6 of x for 192 multiply-adds:
//   - 20 to 44 accesses to shared memory (as the reads of 4 words by 4 groups of lanes are merged or not) in
//     the 48 that an SM needs to start these multiply-adds; global memory: 92 multiply-adds for a number.
//   - a part's sums go to scratch, [part][tap][o][c]: c innermost, so that writes are whole sectors. A
//     second launch adds the parts in order, in double; up to eight parts are added by a cluster of blocks
//     instead (conv3d_cluster_sum.h).
//     There are as many parts as give each of an H200's 132 SMs two blocks, and a part has at most 2048
//     pixels, since long float sums lose digits.
//   - fused: the channels of x are those of one tensor or of two, chosen by a comparison for each that is
//     read; grad_y is taken times the activation's derivative as it is read, 70 multiply-adds for a number.
// Not measured yet, no device. In the code that nvcc 13.0 makes for sm_90 (cuobjdump -sass) 192 of 225
// instructions of the inner loop multiply, but only 52 % of all that a warp executes: each pixel that it
// loads costs 76 instructions, most of them for its address. So at most half of the f32 peak. The parts of
// the thesis network take at most 9.5 MB.
// Bounds: gradient_kernel<3> 144 registers, 28192 bytes of shared memory, no local memory
// Bounds: gradient_kernel<1> 80 registers, 18688 bytes of shared memory, no local memory
#include "nn/conv3d/cuda/conv3d_cluster_sum.h"
#include "nn/conv3d/cuda/conv3d_helpers.h"
#include "nn/conv3d/cuda/conv3d_partial_sums.h"
#include "nn/conv3d/cuda/conv3d_tiled.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kRows = 2;                    // of pixels in a tile
constexpr int kStrip = 4;                   // pixels whose x is in registers at once
constexpr int kBlock = 32;                  // output and input channels of a block
constexpr int kThreadO = 8, kThreadC = 2;   // of a thread
constexpr int kLanesC = 8;                  // lanes with the same output channels
constexpr int kWarpC = kLanesC * kThreadC;  // input channels of a warp
constexpr int64_t kWantedBlocks = 2 * 132;
constexpr int64_t kMaxPixels = 2048;  // of a part

struct WeightGradient {
  Planes x, grad_y;  // all channels
  Tiles tiles;
  int64_t tiles_per_part;
  bool in_cluster;  // the blocks of a cluster compute the parts of a block of weights
  bool wants_bias;
  WeightParts parts;
};
constexpr int kPartRow = kPartChannels + 1;  // lanes of a warp write to 32 banks

// blockDim (kLanes, kSide, kBlock / kWarpC), gridDim (parts, blocks of O, blocks of C). Either a cluster has
// all parts of a block of weights and adds them to the gradients, or they go to parts [part], each
// [tap][O][C] and then the bias [O].
template <int kSide>
__global__ void __launch_bounds__(kLanes* kSide * 2)
    gradient_kernel(WeightGradient q, GlobalChannelParts<const float> x, Global<const float> grad_y,
                    Mask mask, Global<float> parts, Global<float> grad_weight, Global<float> grad_bias) {
  constexpr int kTaps = kSide * kSide, kBorder = kSide / 2, kThreads = kLanes * kSide * 2;
  constexpr int kPatchRows = kRows + kSide - 1, kPatchColumns = kLanes + kSide - 1;
  PRIMAL_SHARED(float, pixels, [size_t{kPatchRows}][size_t{kPatchColumns}][kBlock + 1]);
  PRIMAL_SHARED(Float4, upstream, [kRows][kLanes][kBlock / 4 + 1]);  // one more: other banks
  const int lane = static_cast<int>(threadIdx.x), tap_row = static_cast<int>(threadIdx.y),
            half = static_cast<int>(threadIdx.z);
  const int thread = (half * kSide + tap_row) * kLanes + lane;
  const int64_t first_o = blockIdx.y * int64_t{kBlock}, first_c = blockIdx.z * int64_t{kBlock};
  // This thread's output channels are first_o + my_o + a, its input channels first_c + my_c + kLanesC b.
  const int my_o = lane / kLanesC * kThreadO, my_c = half * kWarpC + lane % kLanesC;
  const bool sums_weights = first_o + my_o < q.grad_y.c && first_c + my_c < q.x.c;
  const bool sums_bias = blockIdx.z == 0 && thread < kBlock / 4;  // of output channels first_o + 4 thread + f

  float sum[kThreadO][kThreadC][size_t{kSide}] = {};
  Float4 bias_sum{};
  const int64_t n_in_all = q.x.n * q.x.d * q.tiles.in_plane(), begin = blockIdx.x * q.tiles_per_part;
  const int64_t end = begin + q.tiles_per_part < n_in_all ? begin + q.tiles_per_part : n_in_all;
  for (int64_t i = begin; i < end; ++i) {
    const TileAt tile = tile_at(q.x, q.tiles, i);
    // Channel c's plane begins c volumes after these.
    const int64_t in_volume = tile.d * q.x.pixels, first_at = x.first.at(tile.n, 0, q.x.volume()) + in_volume,
                  second_at = x.second.at(tile.n, 0, q.x.volume()) + in_volume,
                  grad_at = tile.n * q.grad_y.c * q.grad_y.volume() + in_volume;
    __syncthreads();  // all threads have used the previous tile
    for (int at = thread; at < kBlock * kPatchRows * kPatchColumns; at += kThreads) {
      const int column = at % kPatchColumns, row = at / kPatchColumns % kPatchRows,
                c = at / (kPatchColumns * kPatchRows);
      const int64_t h = tile.h + row - kBorder, w = tile.w + column - kBorder, channel = first_c + c;
      const bool is_second = channel >= x.second.begin;
      const Global<const float> data = is_second ? x.second.data : x.first.data;
      const int64_t plane = (is_second ? second_at : first_at) + channel * q.x.volume();
      pixels[row][column][c] = channel < q.x.c && q.x.inside(h, w) ? data[plane + h * q.x.w + w] : 0.0f;
    }
    for (int at = thread; at < kBlock / 4 * kRows * kLanes; at += kThreads) {
      const int column = at % kLanes, row = at / kLanes % kRows, o = at / (kLanes * kRows) * 4;
      const int64_t h = tile.h + row, w = tile.w + column;
      Float4 four{};
      for (int f = 0; f < 4; ++f) {
        if (first_o + o + f >= q.grad_y.c || !q.grad_y.inside(h, w)) continue;
        const int64_t element = grad_at + (first_o + o + f) * q.grad_y.volume() + h * q.grad_y.w + w;
        four.at[f] = mask.of(element, grad_y[element]);
      }
      upstream[row][column][o / 4] = four;
    }
    __syncthreads();
    if (sums_bias) {
      for (int p = 0; p < kRows * kLanes; ++p) {
        const Float4 four = upstream[p / kLanes][p % kLanes][thread];
        for (int f = 0; f < 4; ++f) bias_sum.at[f] += four.at[f];
      }
    }
    if (!sums_weights) continue;
    for (int strip = 0; strip < kRows * kLanes; strip += kStrip) {
      const int row = strip / kLanes, column = strip % kLanes;
      float pixel[kThreadC][size_t{kStrip + kSide - 1}];
#pragma unroll
      for (int b = 0; b < kThreadC; ++b) {
#pragma unroll
        for (int p = 0; p < kStrip + kSide - 1; ++p)
          pixel[b][p] = pixels[row + tap_row][column + p][my_c + kLanesC * b];
      }
#pragma unroll
      for (int p = 0; p < kStrip; ++p) {
#pragma unroll
        for (int a = 0; a < kThreadO; a += 4) {
          const Float4 factor = upstream[row][column + p][(my_o + a) / 4];
#pragma unroll
          for (int f = 0; f < 4; ++f) {
#pragma unroll
            for (int b = 0; b < kThreadC; ++b) {
#pragma unroll
              for (int k = 0; k < kSide; ++k) sum[a + f][b][k] += factor.at[f] * pixel[b][p + k];
            }
          }
        }
      }
    }
  }

  if (q.in_cluster) {
    PRIMAL_DYNAMIC_SHARED(float, part);
    const WeightBlock block{first_o, first_c, 0, kTaps, kPartRow, blockIdx.z == 0 && q.wants_bias};
    if (sums_bias) {
      for (int f = 0; f < 4; ++f) part[block.bias_at() + 4 * thread + f] = bias_sum.at[f];
    }
#pragma unroll
    for (int a = 0; a < kThreadO; ++a) {
#pragma unroll
      for (int b = 0; b < kThreadC; ++b) {
#pragma unroll
        for (int k = 0; k < kSide; ++k)
          part[block.at(tap_row * kSide + k, my_o + a, half * kWarpC + lane % kLanesC + kLanesC * b)] =
              sum[a][b][k];
      }
    }
    return sum_weights_over_cluster(part, q.parts, block, thread, kThreads, grad_weight, grad_bias);
  }
  const Global<float> part = parts + blockIdx.x * q.parts.size();
  if (sums_bias) {
    for (int f = 0; f < 4; ++f) {
      const int64_t o = first_o + 4 * thread + f;
      if (o < q.grad_y.c) part[q.parts.n_weights() + o] = bias_sum.at[f];
    }
  }
#pragma unroll
  for (int a = 0; a < kThreadO; ++a) {
#pragma unroll
    for (int b = 0; b < kThreadC; ++b) {
      const int64_t o = first_o + my_o + a, c = first_c + my_c + kLanesC * b;
      if (o >= q.grad_y.c || c >= q.x.c) continue;
#pragma unroll
      for (int k = 0; k < kSide; ++k)
        part[((tap_row * kSide + k) * q.grad_y.c + o) * q.x.c + c] = sum[a][b][k];
    }
  }
}

template <int kSide>
Conv3dWeightParts<float> launch_gradient(const Exec& exec, const ChannelParts<const float>& x,
                                         const MaskedGradient<float>& grad_y, View5<float> grad_weight,
                                         View<float, 1> grad_bias) {
  constexpr int kTaps = kSide * kSide;
  WeightGradient q{};
  q.x = planes_of(x, kSide);
  q.grad_y = planes_of(ChannelParts<const float>{grad_y.grad}, kSide);
  q.tiles = tiles_of(q.x, kRows);
  const int64_t n = n_tiles(q.x, q.tiles), blocks_o = (q.grad_y.c + kBlock - 1) / kBlock,
                blocks_c = (q.x.c + kBlock - 1) / kBlock;
  const int64_t wanted = kWantedBlocks / (blocks_o * blocks_c);
  const int64_t most = kMaxPixels / (kRows * kLanes);
  q.tiles_per_part = wanted > 1 ? (n + wanted - 1) / wanted : n;
  if (q.tiles_per_part > most) q.tiles_per_part = most;
  q.parts = {kTaps, q.grad_y.c, q.x.c, (n + q.tiles_per_part - 1) / q.tiles_per_part};
  q.in_cluster = fits_cluster(exec, q.parts.n);
  q.wants_bias = grad_bias.data != nullptr;

  Launch at{.name = "conv3d_backward_weights_tiled",
            .grid = grid_of(q.parts.n, blocks_o, blocks_c),
            .block = dim3(kLanes, kSide, kBlock / kWarpC)};
  if (q.in_cluster) {
    at.cluster = dim3(at.grid.x);
    at.shared_bytes = weight_part_bytes(kTaps, kPartRow);
  }
  const int64_t n_left = q.in_cluster ? 0 : q.parts.n * q.parts.size();
  const std::shared_ptr<void> memory = memory_for_parts(exec, n_left);
  const std::span<float> parts(static_cast<float*>(memory.get()), static_cast<size_t>(n_left));
  launch(exec, at, gradient_kernel<kSide>, q, global(x), global(grad_y.grad).data, mask_of(grad_y),
         global(parts), global(grad_weight).data, global(grad_bias).data);
  if (q.in_cluster) return {};
  return left_parts(memory, q.parts, grad_weight, grad_bias);
}

}  // namespace

Conv3dWeightParts<float> conv3d_tiled_begin_weights(const Exec& exec, const ChannelParts<const float>& x,
                                                    const MaskedGradient<float>& grad_y, const Conv3dParams&,
                                                    View5<float> grad_weight, View<float, 1> grad_bias) {
  if (grad_weight.data == nullptr || grad_weight.numel() == 0) {
    conv3d_bias.backward(exec, grad_y, grad_bias);
    return {};
  }
  if (grad_y.grad.numel() == 0) return {};
  if (conv3d_is_one_channel(x, grad_weight))
    return conv3d_one_channel_begin_weights(exec, x, grad_y, grad_weight, grad_bias);
  const auto run = grad_weight.size(4) == 1 ? launch_gradient<1> : launch_gradient<3>;
  return run(exec, x, grad_y, grad_weight, grad_bias);
}

void conv3d_tiled_backward_weights(const Exec& exec, const ChannelParts<const float>& x,
                                   const MaskedGradient<float>& grad_y, const Conv3dParams& params,
                                   View5<float> grad_weight, View<float, 1> grad_bias) {
  conv3d_add_parts(exec, conv3d_tiled_begin_weights(exec, x, grad_y, params, grad_weight, grad_bias));
}

}  // namespace primal::PRIMAL_SIMT
