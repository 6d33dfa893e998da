// conv3d, tiled: forward and backward-data for the shapes of the U-Net (stride 1, 3x3 with padding 1 and
// 1x1x1).
//
// Idea: a block makes 8 x 32 pixels of 32 output channels. For 8 input channels at a time it brings the
// patch of pixels with its border and the weights to shared memory. Each of its 4 warps has 8 of the
// output channels; a lane has a column of 8 pixels, and so 64 sums in registers. For a column of 3 taps
// it reads 10 pixels and 3 x 8 weights, four to an access, for 192 multiply-adds, which an SM takes 48
// clocks to start for a warp:
//   - shared memory: 10 accesses of neighbouring pixels and 6 of weights, the same for all lanes, 16 to 34
//     clocks (as the reads of 16 bytes take one to four); so the multipliers are the limit: 576 of the 633
//     instructions of this loop multiply.
//   - global memory: 340 pixels and 288 weights for 73,728 multiply-adds, 117 for a number; a patch is 1.3
//     times its tile, for each 32 output channels.
//   - enough blocks: if the image has fewer than two blocks for each of an H200's 132 SMs, the input channels
//     are split, and the parts of the sums are added in order. A cluster of up to eight blocks does this; on
//     devices without clusters, a second launch does it through scratch memory (conv3d_cluster_sum.h). So e3b
//     (32 x 32 pixels, 256 channels: 32 blocks) becomes 256 blocks of 32 channels each. The blocks on an SM
//     hide each other's loading: nothing is double-buffered.
//   - backward_data is the same convolution from grad_y, with the kernel flipped and O and C exchanged.
//   - fused: the channels of x, or of grad_x, are those of one tensor or of two. No chunk of input channels
//     has some of both, so that a block reads all of one from the same tensor, and an output channel is its
//     warp's alone. The activation comes last, in the launch that adds the splits where there are splits; its
//     derivative as grad_y is read, which doubles these reads: 76 multiply-adds for a number.
// Not measured yet, no device. In the code that nvcc 13.0 makes for sm_90 (cuobjdump -sass) 70 % of what a
// warp executes are multiply-adds, 67 % where it applies the mask: the addresses of a patch's pixels take 56
// to 71 instructions each. So at most 70 % of the f32 peak.
// Bounds: convolution_kernel<3> 168 registers, 24320 bytes of shared memory, no local memory
// Bounds: convolution_kernel<1> 128 registers, 12416 bytes of shared memory, no local memory
#include <algorithm>

#include "nn/conv3d/conv3d_kernels.h"
#include "nn/conv3d/cuda/conv3d_cluster_sum.h"
#include "nn/conv3d/cuda/conv3d_partial_sums.h"
#include "nn/conv3d/cuda/conv3d_tiled.h"
#include "nn/conv3d/cuda/conv3d_weight_sums.h"
#include "tensor/scratch.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kRows = 8;                 // of pixels, in a tile and in a thread
constexpr int kWarps = 4, kThreadO = 8;  // output channels of a thread; a warp has the same
constexpr int kBlockO = kWarps * kThreadO;
constexpr int kChunk = 8;  // input channels in shared memory
constexpr int64_t kWantedBlocks = 2 * 132;
constexpr int kPartBytes =
    kBlockO * kRows * kLanes * int{sizeof(float)};  // the part of a sum in shared memory, for a cluster

// Where weights lie: forward reads weight[o,c,tap], backward_data weight[c,o,last tap - tap].
struct WeightOrder {
  int64_t stride_o, stride_c;
  bool flipped;
};

// out[n,o,pixel] = or += bias[o] + sum over c and taps of w(o, c, tap) in[n,c,pixel at tap], and then the
// activation
struct Convolution {
  Planes from, to;
  Tiles tiles;
  WeightOrder order;
  int64_t channels_per_split;
  bool in_cluster;  // the blocks of a cluster compute the splits
  Finish finish;
};

// Puts the sums of a thread into shared memory as a part of the sums of the cluster, whose blocks add
// up, finish and write them.
__device__ void sum_in_cluster(const float (&sum)[kThreadO][kRows], const Convolution& q, const TileAt& tile,
                               int64_t first_o, Global<const float> bias,
                               const GlobalChannelParts<float>& out) {
  PRIMAL_DYNAMIC_SHARED(float, part);  // [kBlockO][kRows][kLanes]
  const int lane = static_cast<int>(threadIdx.x), warp = static_cast<int>(threadIdx.y);
#pragma unroll
  for (int o = 0; o < kThreadO; ++o) {
#pragma unroll
    for (int r = 0; r < kRows; ++r) part[((warp * kThreadO + o) * kRows + r) * kLanes + lane] = sum[o][r];
  }
  const auto put = [&](int at, float of_all) {
    const int64_t o = first_o + at / (kRows * kLanes), h = tile.h + at / kLanes % kRows,
                  w = tile.w + at % kLanes;
    if (o >= q.to.c || !q.to.inside(h, w)) return;
    const ChannelRange<float> range = out.of(o);
    const int64_t to = range.at(tile.n, o, q.to.volume()) + tile.d * q.to.pixels + h * q.to.w + w;
    const float start = q.finish.has_bias ? bias[o] : 0.0f;
    const float before = q.finish.add ? float(range.data[to]) : start;
    range.data[to] = leaky_relu(before + of_all, q.finish.slope);
  };
  sum_over_cluster<float>(
      part, kBlockO * kRows * kLanes, warp * kLanes + lane, kLanes * kWarps, [](int i) { return i; }, put);
}

// blockDim (kLanes, kWarps), gridDim (tiles, blocks of kBlockO channels, splits). With more than one
// split, either a cluster has all splits of a tile, or out is [split][N,O,...] and gets the sums alone.
// Additional blocks add `sums`.
template <int kSide>
__global__ void __launch_bounds__(kLanes* kWarps)
    convolution_kernel(Convolution q, GlobalChannelParts<const float> in, Mask mask,
                       Global<const float> weight, Global<const float> bias, GlobalChannelParts<float> out,
                       WeightSums sums) {
  constexpr int kTaps = kSide * kSide, kBorder = kSide / 2;
  constexpr int kPatchRows = kRows + kSide - 1, kPatchColumns = kLanes + kSide - 1;
  constexpr int kPatch = kPatchRows * kPatchColumns;
  PRIMAL_SHARED(float, patch, [kChunk][size_t{kPatchRows}][size_t{kPatchColumns}]);
  PRIMAL_SHARED(Float4, weights, [kChunk][size_t{kTaps}][kBlockO / 4 + 1]);  // one more: other banks
  const int lane = static_cast<int>(threadIdx.x), warp = static_cast<int>(threadIdx.y);
  if (added_weight_sums(sums, warp * kLanes + lane)) return;
  const TileAt tile = tile_at(q.from, q.tiles, blockIdx.x);
  const int64_t first_o = blockIdx.y * int64_t{kBlockO}, warp_o = first_o + warp * kThreadO;
  const int64_t begin_c = blockIdx.z * q.channels_per_split;
  const int64_t end_c = begin_c + q.channels_per_split < q.from.c ? begin_c + q.channels_per_split : q.from.c;

  float sum[kThreadO][kRows] = {};
  int n_c = 0;
  for (int64_t first_c = begin_c; first_c < end_c; first_c += n_c) {
    const ChannelRange<const float> range = in.of(first_c);
    const int64_t after = range.end() < end_c ? range.end() : end_c;
    n_c = after - first_c < kChunk ? static_cast<int>(after - first_c) : kChunk;
    const int64_t from_at = range.at(tile.n, first_c, q.from.volume()) + tile.d * q.from.pixels;
    __syncthreads();  // all have used the chunk before
    for (int i = warp * kLanes + lane; i < n_c * kPatch; i += kLanes * kWarps) {
      const int c = i / kPatch, row = i % kPatch / kPatchColumns, column = i % kPatchColumns;
      const int64_t h = tile.h + row - kBorder, w = tile.w + column - kBorder;
      const int64_t at = from_at + c * q.from.volume() + h * q.from.w + w;
      patch[c][row][column] = q.from.inside(h, w) ? mask.of(at, range.data[at]) : 0.0f;
    }
    for (int o = 4 * warp; o < kBlockO; o += 4 * kWarps) {
      for (int i = lane; i < n_c * kTaps; i += kLanes) {
        const int c = i / kTaps, tap = i % kTaps;
        const int64_t at = (first_o + o) * q.order.stride_o + (first_c + c) * q.order.stride_c +
                           (q.order.flipped ? kTaps - 1 - tap : tap);
        Float4 four{};
        for (int f = 0; f < 4; ++f) {
          if (first_o + o + f < q.to.c) four.at[f] = weight[at + f * q.order.stride_o];
        }
        weights[c][tap][o / 4] = four;
      }
    }
    __syncthreads();
    if (warp_o >= q.to.c) continue;  // the whole warp
    for (int c = 0; c < n_c; ++c) {
#pragma unroll
      for (int k = 0; k < kSide; ++k) {
        float pixel[size_t{kPatchRows}];
#pragma unroll
        for (int r = 0; r < kPatchRows; ++r) pixel[r] = patch[c][r][lane + k];
#pragma unroll
        for (int j = 0; j < kSide; ++j) {
#pragma unroll
          for (int o = 0; o < kThreadO; o += 4) {
            const Float4 factor = weights[c][j * kSide + k][(warp * kThreadO + o) / 4];
#pragma unroll
            for (int f = 0; f < 4; ++f) {
#pragma unroll
              for (int r = 0; r < kRows; ++r) sum[o + f][r] += factor.at[f] * pixel[r + j];
            }
          }
        }
      }
    }
  }

  if (q.in_cluster) return sum_in_cluster(sum, q, tile, first_o, bias, out);
  const int64_t split_at = blockIdx.z * (q.to.n * q.to.c * q.to.volume());
#pragma unroll
  for (int o = 0; o < kThreadO; ++o) {
    if (warp_o + o >= q.to.c) break;
    const float start = q.finish.has_bias ? bias[warp_o + o] : 0.0f;
    const ChannelRange<float> range = out.of(warp_o + o);
    const int64_t plane = split_at + range.at(tile.n, warp_o + o, q.to.volume()) + tile.d * q.to.pixels;
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      const int64_t h = tile.h + r, w = tile.w + lane;
      if (!q.to.inside(h, w)) continue;
      const int64_t at = plane + h * q.to.w + w;
      const float before = q.finish.add ? float(range.data[at]) : start;
      range.data[at] = leaky_relu(before + sum[o][r], q.finish.slope);
    }
  }
}

template <int kSide>
void launch_convolution(const Exec& exec, const char* name, Convolution q,
                        const ChannelParts<const float>& in, const MaskedGradient<float>& masked,
                        View5<const float> weight, View<const float, 1> bias, const ChannelParts<float>& out,
                        const Conv3dWeightParts<float>& left) {
  q.from = planes_of(in, kSide);
  q.to = planes_of(out, kSide);
  q.tiles = tiles_of(q.from, kRows);
  const int64_t n_blocks_o = (q.to.c + kBlockO - 1) / kBlockO,
                n_blocks = n_tiles(q.from, q.tiles) * n_blocks_o;
  const int64_t n_chunks = q.from.c > kChunk ? (q.from.c + kChunk - 1) / kChunk : 1;
  int64_t n_splits = kWantedBlocks / n_blocks;
  n_splits = std::clamp(n_splits, int64_t{1}, std::min(n_chunks, kMostOfACluster));
  q.channels_per_split = (n_chunks + n_splits - 1) / n_splits * kChunk;
  n_splits = (n_chunks * kChunk + q.channels_per_split - 1) / q.channels_per_split;

  const dim3 grid = grid_of(n_tiles(q.from, q.tiles), n_blocks_o, n_splits);
  const dim3 block(kLanes, kWarps);
  Launch at{.name = name, .grid = grid, .block = block};
  q.in_cluster = n_splits > 1 && fits_cluster(exec, n_splits);
  if (q.in_cluster) {
    at.cluster = dim3(1, 1, grid.z);
    at.shared_bytes = kPartBytes;
  }
  const WeightSums sums = weight_sums(left, at);
  if (n_splits == 1 || q.in_cluster) {
    launch(exec, at, convolution_kernel<kSide>, q, global(in), mask_of(masked), global(weight).data,
           global(bias).data, global(out), sums);
    return;
  }
  const int64_t n = q.to.n * q.to.c * q.to.d * q.to.pixels;
  const Scratch<float> splits(exec, n_splits * n);
  Convolution part = q;
  part.finish = {.has_bias = false, .add = false, .slope = 1.0f};
  const GlobalChannelParts<float> to_splits{{global(splits.span()), 0, q.to.c}, {{}, q.to.c, 0}};
  launch(exec, at, convolution_kernel<kSide>, part, global(in), mask_of(masked), global(weight).data,
         global(bias).data, to_splits, sums);
  conv3d_add_splits(exec, splits.span(), bias, q.finish, q.to, out);
}

void forward(const Exec& exec, const ChannelParts<const float>& x, View5<const float> weight,
             View<const float, 1> bias, const Conv3dParams&, float slope, View5<float> y) {
  if (y.numel() == 0) return;
  const int64_t n_taps = weight.size(3) * weight.size(4);
  Convolution q{};
  q.order = {.stride_o = weight.size(1) * n_taps, .stride_c = n_taps, .flipped = false};
  q.finish = {.has_bias = bias.data != nullptr, .add = false, .slope = slope};
  const auto run = n_taps == 1 ? launch_convolution<1> : launch_convolution<3>;
  run(exec, "conv3d_forward_tiled", q, x, {}, weight, bias, {y}, {});
}

void data_and_sums(const Exec& exec, const MaskedGradient<float>& grad_y, View5<const float> weight,
                   const Conv3dParams&, bool add, const ChannelParts<float>& grad_x,
                   const Conv3dWeightParts<float>& left) {
  if (grad_x.first.numel() + grad_x.second.numel() == 0) return conv3d_add_parts(exec, left);
  const int64_t n_taps = weight.size(3) * weight.size(4);
  Convolution q{};
  q.order = {.stride_o = n_taps, .stride_c = weight.size(1) * n_taps, .flipped = true};
  q.finish = {.has_bias = false, .add = add, .slope = 1.0f};
  const auto run = n_taps == 1 ? launch_convolution<1> : launch_convolution<3>;
  run(exec, "conv3d_backward_data_tiled", q, {grad_y.grad}, grad_y, weight, {}, grad_x, left);
}

void backward_data(const Exec& exec, const MaskedGradient<float>& grad_y, View5<const float> weight,
                   const Conv3dParams& params, bool add, const ChannelParts<float>& grad_x) {
  data_and_sums(exec, grad_y, weight, params, add, grad_x, {});
}

}  // namespace

const Conv3dImplementation<float> conv3d_tiled = {
    {"tiled",
     "8 x 32 pixels x 32 channels in a block, patches and weights in shared memory, sums in registers",
     kDevice},
    cpu::conv3d_blocked_supports,
    {forward, backward_data, conv3d_tiled_backward_weights, true, conv3d_tiled_begin_weights, data_and_sums}};

}  // namespace primal::PRIMAL_SIMT
