// conv3d on tensor cores: the gradients of weight and bias, for the shapes of conv3d_tensor_core.cu.
//
// Idea: for a tap, grad_weight[o, c] = sum over pixels of grad_y[o, pixel] x[c, pixel at tap] is a product of
// matrices whose sum runs over pixels. A block makes 32 output x 32 input channels for all taps in one plane
// of the kernel, from a part of the pixels; a warp 16 x 16 of these, 72 sums in each thread for 9 taps. It
// goes through its part in tiles of 2 x 32 pixels, and copies beside the kernel bring a tile of grad_y, of y
// (where the gradient goes through an activation) and of x with its border, as they lie, while the block
// computes the tile before:
//   - both operands have their pixels contiguous. A channel's stride in shared memory is an odd multiple of
//     4, so that 32 lanes read 32 banks.
//   - a product sums over 8 pixels in a row. The fragments of a row of x serve up to three rows of taps, and
//     grad_y's two rows stay in registers: 1.6 loads for each product, and 0.5 in the three-product form.
//   - each thread changes what it has copied itself, before the barrier: the derivative of the activation,
//     the rounding for one product, and the sum of grad_y for the bias, in float32 before it is rounded.
//   - parts of at most 2048 pixels, about as many as give 132 multiprocessors two blocks each; added in order
//     and in double, by a cluster of up to eight blocks (conv3d_cluster_sum.h) or by another launch.
// Not run on a device. bench/results/conv3d_tensor_core_model.md has the instructions that nvcc made of it,
// and times that follow.
// Bounds: gradient_kernel<3, 1>
//         168 registers, 1024 bytes of shared memory, no local memory, 35% of the inner loop on tensor cores
// Bounds: gradient_kernel<1, 1>
//         96 registers, 1024 bytes of shared memory, no local memory, 13% of the inner loop on tensor cores
// Bounds: gradient_kernel<3, 3>
//         255 registers, 1024 bytes of shared memory, no local memory, 22% of the inner loop on tensor cores
// Bounds: gradient_kernel<1, 3>
//         96 registers, 1024 bytes of shared memory, no local memory, 12% of the inner loop on tensor cores
#include "nn/conv3d/cuda/conv3d_cluster_sum.h"
#include "nn/conv3d/cuda/conv3d_helpers.h"
#include "nn/conv3d/cuda/conv3d_tensor_core_gradient.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int64_t kWantedBlocks = 2 * 132;
constexpr int64_t kMaxPixels = 2048;  // of a part
constexpr unsigned kAllLanes = ~0U;

template <int kSide>
using Sums = float[size_t{kSide}][size_t{kSide}][kTilesC][4];

// Adds a tile's products to the sums of a warp whose channels begin at that o and c of the block.
template <int kSide, int kProducts, class Shared>
__device__ void add_tile(Sums<kSide>& sum, const Shared& stage, int o, int c, int lane) {
  using S = GradientStage<kSide>;
  const int g = lane / 4, t = lane % 4;
#pragma unroll 1
  for (int column = 0; column < kLanes; column += kDepth) {
    const auto upstream = stage + ((o + g) * S::kUpstreamChannel + column + t);
    const auto pixels = stage + (S::kPatch + (c + g) * S::kChannel + column + S::kLeft - kSide / 2 + t);
    Operand<kProducts, 4> a[kRows];
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
#pragma unroll
      for (int i = 0; i < 4; ++i)
        a[r].set(i, upstream[i % 2 * 8 * S::kUpstreamChannel + r * kLanes + i / 2 * 4]);
    }
#pragma unroll
    for (int r = 0; r < S::kPatchRows; ++r) {
      Operand<kProducts, 2> b[size_t{kSide}][kTilesC];
#pragma unroll
      for (int kx = 0; kx < kSide; ++kx) {
#pragma unroll
        for (int j = 0; j < kTilesC; ++j) {
#pragma unroll
          for (int i = 0; i < 2; ++i)
            b[kx][j].set(i, pixels[8 * j * S::kChannel + r * S::kPatchColumns + kx + 4 * i]);
        }
      }
#pragma unroll
      for (int ky = 0; ky < kSide; ++ky) {
        if (r < ky || r - ky >= kRows) continue;
#pragma unroll
        for (int j = 0; j < kTilesC; ++j)
          add_products<kProducts, kSide>(
              [&](int kx) -> float(&)[4] { return sum[ky][kx][j]; },
              [&](int) -> const auto& { return a[r - ky]; }, [&](int kx) -> const auto& { return b[kx][j]; });
      }
    }
  }
}

constexpr int kPartRow = kPartChannels + 8;  // four rows of four pairs, of half a warp, are in 32 banks

// blockDim kThreads, gridDim (parts, blocks of O, planes of the kernel x blocks of C). Either a cluster has
// all parts of a block of weights and adds them to the gradients, or they go to `parts`.
template <int kSide, int kProducts>
__global__ void __launch_bounds__(kThreads, 2)
    gradient_kernel(WeightGradient q, GlobalChannelParts<const float> x, Global<const float> grad_y,
                    Mask mask, Global<float> parts, Global<float> grad_weight, Global<float> grad_bias) {
  using S = GradientStage<kSide>;
  using Copies = GradientLoader<kSide, kProducts>;
  PRIMAL_DYNAMIC_SHARED(float, stages);
  const int thread = static_cast<int>(threadIdx.x), lane = thread % kLanes, warp = thread / kLanes;
  const int plane = static_cast<int>(blockIdx.z) % q.depth;
  const int64_t first_o = blockIdx.y * int64_t{kBlock},
                first_c = static_cast<int>(blockIdx.z) / q.depth * int64_t{kBlock};
  const int o = warp % 2 * kWarpBlock, c = warp / 2 * kWarpBlock;
  const bool sums_weights = first_o + o < q.grad_y.c && first_c + c < q.x.c, sums_bias = blockIdx.z == 0;

  const Copies loader(q, x, grad_y, mask, first_o, first_c, plane, thread);
  const int64_t n_in_all = q.x.n * q.x.d * q.tiles.in_plane(), begin = blockIdx.x * q.tiles_per_part;
  const int64_t end = begin + q.tiles_per_part < n_in_all ? begin + q.tiles_per_part : n_in_all;
  const auto start = [&](int64_t i) {
    if (i < end)
      loader.start(stages + static_cast<int>((i - begin) % S::kCount) * S::kFloats, tile_at(q.x, q.tiles, i));
    commit_copies();
  };

  Sums<kSide> sum = {};
  float bias[size_t{Copies::kMyChannels}] = {};
  start(begin);
  for (int64_t i = begin; i < end; ++i) {
    const auto stage = stages + static_cast<int>((i - begin) % S::kCount) * S::kFloats;
    wait_for_copies<S::kCount - 2>();
    loader.prepare(stage, sums_bias, bias);
    __syncthreads();  // this tile is there, and all have used the one whose place the next takes
    start(i + 1);
    if (sums_weights) add_tile<kSide, kProducts>(sum, stage, o, c, lane);
  }

#pragma unroll
  for (int k = 0; k < Copies::kMyChannels; ++k) {
    for (int delta = Copies::kPieces / 2; delta > 0; delta /= 2)
      bias[k] += __shfl_xor_sync(kAllLanes, bias[k], delta);
  }
  const int g = lane / 4, t = lane % 4;
  const bool has_bias = sums_bias && thread % Copies::kPieces == 0;
  if (q.in_cluster) {
    const WeightBlock block{first_o,       first_c,  int64_t{plane} * kSide * kSide,
                            kSide * kSide, kPartRow, sums_bias && q.wants_bias};
    __syncthreads();  // all threads have used the last tile, which the part overwrites
#pragma unroll
    for (int k = 0; k < Copies::kMyChannels; ++k) {
      if (has_bias) stages[block.bias_at() + static_cast<int>(loader.output(k) - first_o)] = bias[k];
    }
#pragma unroll
    for (int tap = 0; tap < kSide * kSide; ++tap) {
#pragma unroll
      for (int j = 0; j < kTilesC; ++j) {
#pragma unroll
        for (int i = 0; i < 4; i += 2) {
          const auto& of = sum[tap / kSide][tap % kSide][j];
          *as<float2>(stages + block.at(tap, o + g + i / 2 * 8, c + 8 * j + 2 * t)) =
              float2{of[i], of[i + 1]};
        }
      }
    }
    return sum_weights_over_cluster(stages, q.parts, block, thread, kThreads, grad_weight, grad_bias);
  }
  const Global<float> part = parts + blockIdx.x * q.parts.size();
#pragma unroll
  for (int k = 0; k < Copies::kMyChannels; ++k) {
    if (has_bias && loader.output(k) < q.grad_y.c) part[q.parts.n_weights() + loader.output(k)] = bias[k];
  }
  if (!sums_weights) return;
#pragma unroll
  for (int ky = 0; ky < kSide; ++ky) {
#pragma unroll
    for (int kx = 0; kx < kSide; ++kx) {
      const int64_t tap = (plane * kSide + ky) * kSide + kx;
#pragma unroll
      for (int j = 0; j < kTilesC; ++j) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const int64_t to_o = first_o + o + g + i / 2 * 8, to_c = first_c + c + 8 * j + 2 * t + i % 2;
          if (to_o < q.grad_y.c && to_c < q.x.c)
            part[(tap * q.grad_y.c + to_o) * q.x.c + to_c] = sum[ky][kx][j][i];
        }
      }
    }
  }
}

template <int kSide, int kProducts>
Conv3dWeightParts<float> launch_gradient(const Exec& exec, const ChannelParts<const float>& x,
                                         const MaskedGradient<float>& grad_y, View5<float> grad_weight,
                                         View<float, 1> grad_bias) {
  WeightGradient q{};
  q.x = planes_of(x, kSide);
  q.grad_y = planes_of(ChannelParts<const float>{grad_y.grad}, kSide);
  q.tiles = tiles_of(q.x, kRows);
  q.depth = static_cast<int>(grad_weight.size(2));
  q.wide = copies_fours(x.first, kSide) && copies_fours(x.second, kSide) &&
           copies_fours(grad_y.grad, kSide) && reinterpret_cast<uintptr_t>(grad_y.y) % sizeof(Float4) == 0;
  const int64_t n = n_tiles(q.x, q.tiles), blocks_o = (q.grad_y.c + kBlock - 1) / kBlock,
                blocks_c = (q.x.c + kBlock - 1) / kBlock * q.depth;
  const int64_t wanted = kWantedBlocks / (blocks_o * blocks_c), most = kMaxPixels / kPixels;
  q.tiles_per_part = wanted > 1 ? (n + wanted - 1) / wanted : n;
  if (q.tiles_per_part > most) q.tiles_per_part = most;
  q.parts = {int64_t{kSide} * kSide * q.depth, q.grad_y.c, q.x.c,
             (n + q.tiles_per_part - 1) / q.tiles_per_part};

  q.in_cluster = fits_cluster(exec, q.parts.n);
  q.wants_bias = grad_bias.data != nullptr;
  Launch at{.name = "conv3d_backward_weights_tensor_core",
            .grid = grid_of(q.parts.n, blocks_o, blocks_c),
            .block = kThreads,
            .shared_bytes = GradientStage<kSide>::kBytes};
  static_assert(weight_part_bytes(kSide * kSide, kPartRow) <= GradientStage<kSide>::kBytes);
  if (q.in_cluster) at.cluster = dim3(at.grid.x);
  const int64_t n_left = q.in_cluster ? 0 : q.parts.n * q.parts.size();
  const std::shared_ptr<void> memory = memory_for_parts(exec, n_left);
  const std::span<float> parts(static_cast<float*>(memory.get()), static_cast<size_t>(n_left));
  launch(exec, at, gradient_kernel<kSide, kProducts>, q, global(x), global(grad_y.grad).data, mask_of(grad_y),
         global(parts), global(grad_weight).data, global(grad_bias).data);
  if (q.in_cluster) return {};
  return left_parts(memory, q.parts, grad_weight, grad_bias);
}

}  // namespace

template <int kProducts>
Conv3dWeightParts<float> conv3d_tensor_core_begin_weights(const Exec& exec,
                                                          const ChannelParts<const float>& x,
                                                          const MaskedGradient<float>& grad_y,
                                                          const Conv3dParams&, View5<float> grad_weight,
                                                          View<float, 1> grad_bias) {
  if (grad_weight.data == nullptr || grad_weight.numel() == 0) {
    conv3d_bias.backward(exec, grad_y, grad_bias);
    return {};
  }
  if (grad_y.grad.numel() == 0) return {};
  if (conv3d_is_one_channel(x, grad_weight))
    return conv3d_one_channel_begin_weights(exec, x, grad_y, grad_weight, grad_bias);
  const auto run = grad_weight.size(4) == 1 ? launch_gradient<1, kProducts> : launch_gradient<3, kProducts>;
  return run(exec, x, grad_y, grad_weight, grad_bias);
}

template Conv3dWeightParts<float> conv3d_tensor_core_begin_weights<1>(const Exec&,
                                                                      const ChannelParts<const float>&,
                                                                      const MaskedGradient<float>&,
                                                                      const Conv3dParams&, View5<float>,
                                                                      View<float, 1>);
template Conv3dWeightParts<float> conv3d_tensor_core_begin_weights<3>(const Exec&,
                                                                      const ChannelParts<const float>&,
                                                                      const MaskedGradient<float>&,
                                                                      const Conv3dParams&, View5<float>,
                                                                      View<float, 1>);

}  // namespace primal::PRIMAL_SIMT
