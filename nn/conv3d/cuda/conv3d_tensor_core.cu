// conv3d on tensor cores: forward and backward-data of kernels (1,1,1), (1,3,3) and (3,3,3) with stride 1 and
// "same" padding, any number of channels.
//
// Idea: an implicit matrix product. For one tap of the kernel, y[pixel, o] += x[pixel at tap, c] w[c, o] is a
// product of matrices, and summed over taps and channels c it is the convolution. A block makes 8 x 32 pixels
// of 32 output channels, a warp 4 x 16 of these pixels: four products of 16 pixels in a row x 8 channels
// wide, 64 sums in each thread. A step of the block is 8 input channels, the depth of a product, in one plane
// of the kernel:
//   - copies beside the kernel (async_copy.h) bring the patch of pixels with its border and the weights of
//     the step, 16 bytes at once where alignment allows, while the block computes the step before. The layout
//     stays [N,C,D,H,W] in shared memory: pixels are contiguous. A fragment of 16 pixels x 8 channels is read
//     by four loads, one for each register. The instruction ldmatrix would read rows of contiguous channels,
//     and turns around elements of 16 bits only, so it cannot serve a layout of contiguous pixels.
//   - strides in shared memory are 8 or 24 modulo 32 words where lanes differ by t in the stride, odd
//     multiples of 4 where they differ by g (tensor_core.h has t and g): 32 lanes then read 32 banks.
//   - for a column of taps a warp keeps the six rows of pixels that its four rows of sums need, so a fragment
//     of pixels is read once for up to three taps. 1 load for each product, and 1/3 in the three-product
//     form.
//   - each thread changes what it has copied itself, before the barrier: the gradient goes through the
//     activation's derivative (y is copied beside it), and for one product all operands are rounded, once
//     instead of once for each use.
//   - backward_data is the same kernel from grad_y, with the taps in reverse order and O and C exchanged. Its
//     weights lie [c of grad_y][c of grad_x][tap], where a step's are contiguous too.
//   - fused as in conv3d_tiled.cu: two parts of channels, activation and bias last. If an image has few
//     pixels, the input channels are split, into at most eight parts. A cluster of blocks adds the parts in
//     order; on devices without clusters another launch does it (conv3d_cluster_sum.h).
// Not run on a device. bench/results/conv3d_tensor_core_model.md has the instructions that nvcc made of it,
// and times that follow.
// Bounds: product_kernel<3, false, 1>
//         128 registers, 1024 bytes of shared memory, no local memory, 45% of the inner loop on tensor cores
// Bounds: product_kernel<3, true, 1>
//         128 registers, 3072 bytes of shared memory, no local memory, 42% of the inner loop on tensor cores
// Bounds: product_kernel<1, false, 1> 128 registers, 1024 bytes of shared memory, no local memory
// Bounds: product_kernel<1, true, 1> 136 registers, 3072 bytes of shared memory, no local memory
// Bounds: product_kernel<3, false, 3>
//         192 registers, 1024 bytes of shared memory, no local memory, 26% of the inner loop on tensor cores
// Bounds: product_kernel<3, true, 3>
//         192 registers, 3072 bytes of shared memory, no local memory, 26% of the inner loop on tensor cores
// Bounds: product_kernel<1, false, 3> 192 registers, 1024 bytes of shared memory, no local memory
// Bounds: product_kernel<1, true, 3> 192 registers, 3072 bytes of shared memory, no local memory
#include <algorithm>

#include "nn/conv3d/conv3d_kernels.h"
#include "nn/conv3d/cuda/conv3d_tensor_core_sums.h"
#include "nn/conv3d/cuda/conv3d_weight_sums.h"
#include "tensor/cuda/precision.h"
#include "tensor/scratch.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int64_t kWantedBlocks = 2 * 132;

// Adds a step's products to the sums of a warp whose pixels begin at that row and column of the tile.
template <int kSide, bool kBackward, int kProducts, class Shared>
__device__ void add_step(Sums& sum, const Shared& stage, int row, int column, int lane) {
  using S = ProductStage<kSide, kBackward>;
  const int g = lane / 4, t = lane % 4;
  const auto pixels = stage + (t * S::kChannel + row * S::kPatchColumns + column + S::kLeft - kSide / 2 + g);
  const auto weights = stage + (S::kWeights + g * S::kStrideN + t * S::kStrideK);
#pragma unroll 1
  for (int kx = 0; kx < kSide; ++kx) {  // one column of taps: more at a time do not fit in registers
    Operand<kProducts, 4> a[size_t{kWarpRows + kSide - 1}];
#pragma unroll
    for (int r = 0; r < kWarpRows + kSide - 1; ++r) {
#pragma unroll
      for (int i = 0; i < 4; ++i)
        a[r].set(i, pixels[i / 2 * 4 * S::kChannel + r * S::kPatchColumns + i % 2 * 8 + kx]);
    }
#pragma unroll
    for (int ky = 0; ky < kSide; ++ky) {
      const int tap = kBackward ? S::kTaps - 1 - (ky * kSide + kx) : ky * kSide + kx;
#pragma unroll
      for (int j = 0; j < kTilesN; ++j) {
        Operand<kProducts, 2> b;
#pragma unroll
        for (int i = 0; i < 2; ++i) b.set(i, weights[8 * j * S::kStrideN + 4 * i * S::kStrideK + tap]);
        add_products<kProducts, kWarpRows>(
            [&](int m) -> float(&)[4] { return sum[m][j]; }, [&](int m) -> const auto& { return a[m + ky]; },
            [&](int) -> const auto& { return b; });
      }
    }
  }
}

// blockDim kThreads, gridDim (tiles, blocks of kBlockN channels, splits). With more than one split,
// either a cluster has all splits of a tile, or out is [split][N,O,...] and gets the sums alone.
// Additional blocks add `sums`.
template <int kSide, bool kBackward, int kProducts>
__global__ void __launch_bounds__(kThreads, kSide == 1 ? 2 : 0)
    product_kernel(Product q, GlobalChannelParts<const float> in, Mask mask, Global<const float> weight,
                   Global<const float> bias, GlobalChannelParts<float> out, WeightSums sums) {
  using S = ProductStage<kSide, kBackward>;
  PRIMAL_DYNAMIC_SHARED(float, stages);
  const int thread = static_cast<int>(threadIdx.x), lane = thread % kLanes, warp = thread / kLanes;
  if (kBackward && added_weight_sums(sums, thread)) return;
  const TileAt tile = tile_at(q.from, q.tiles, blockIdx.x);
  const int64_t first_n = blockIdx.y * int64_t{kBlockN};
  const int n_channels = static_cast<int>(q.from.c),
            begin_c = static_cast<int>(blockIdx.z) * q.channels_per_split;
  const int end_c = begin_c + q.channels_per_split < n_channels ? begin_c + q.channels_per_split : n_channels;
  const int row = warp / 2 * kWarpRows, column = warp % 2 * kWarpColumns;
  const bool has_pixels = tile.h + row < q.from.h && tile.w + column < q.from.w;

  const ProductLoader<kSide, kBackward, kProducts> loader(q, in, mask, weight, tile, first_n, thread);
  // The planes d + plane - depth / 2 that exist.
  const int64_t before = q.depth / 2 - tile.d, after = q.from.d - tile.d + q.depth / 2;
  Steps next{static_cast<int>(in.second.begin),
             end_c,
             before > 0 ? static_cast<int>(before) : 0,
             after < q.depth ? static_cast<int>(after) : q.depth,
             {begin_c, 0}};
  next.at.plane = next.first_plane;
  int n_started = 0;
  const auto start_next = [&] {
    if (next.any()) {
      loader.start(stages + n_started % S::kCount * S::kFloats, next);
      next.advance();
      ++n_started;
    }
    commit_copies();
  };

  Sums sum = {};
  for (int i = 0; i < S::kCount - 1; ++i) start_next();
  for (int step = 0; step < n_started; ++step) {
    const auto stage = stages + step % S::kCount * S::kFloats;
    wait_for_copies<S::kCount - 2>();
    loader.prepare(stage);
    __syncthreads();  // this step is there, and all have used the one whose place the next takes
    start_next();
    if (has_pixels) add_step<kSide, kBackward, kProducts>(sum, stage, row, column, lane);
  }

  if (q.in_cluster) {
    sum_in_cluster(sum, stages, q, tile, first_n, row, column, thread, bias, out);
  } else {
    write_sums(sum, q, tile, first_n, row, column, lane, bias, out);
  }
}

template <int kSide, bool kBackward, int kProducts>
void launch_product(const Exec& exec, const char* name, Product q, const ChannelParts<const float>& in,
                    const MaskedGradient<float>& masked, View5<const float> weight, View<const float, 1> bias,
                    const ChannelParts<float>& out, const Conv3dWeightParts<float>& left) {
  q.from = planes_of(in, kSide);
  q.to = planes_of(out, kSide);
  q.tiles = tiles_of(q.from, kRows);
  q.wide_pixels = copies_fours(in.first, kSide) && copies_fours(in.second, kSide) &&
                  reinterpret_cast<uintptr_t>(masked.y) % sizeof(Float4) == 0;
  // A run of weights begins and ends with whole fours of channels, whatever the number of taps.
  q.wide_weights = q.depth == 1 && weight.size(1) % 4 == 0 && (kBackward || in.first.size(1) % 4 == 0) &&
                   reinterpret_cast<uintptr_t>(weight.data) % sizeof(Float4) == 0;
  const int64_t n_blocks_n = (q.to.c + kBlockN - 1) / kBlockN,
                n_blocks = n_tiles(q.from, q.tiles) * n_blocks_n, n_chunks = (q.from.c + kDepth - 1) / kDepth;
  int64_t n_splits = kWantedBlocks / n_blocks;
  n_splits = std::clamp(n_splits, int64_t{1}, std::min(n_chunks, kMostOfACluster));
  const int64_t chunks_per_split = (n_chunks + n_splits - 1) / n_splits;
  q.channels_per_split = static_cast<int>(chunks_per_split * kDepth);
  n_splits = (n_chunks + chunks_per_split - 1) / chunks_per_split;

  constexpr int kBytes = ProductStage<kSide, kBackward>::kBytes;
  Launch at{.name = name,
            .grid = grid_of(n_tiles(q.from, q.tiles), n_blocks_n, n_splits),
            .block = kThreads,
            .shared_bytes = kBytes};
  const auto kernel = product_kernel<kSide, kBackward, kProducts>;
  q.in_cluster = n_splits > 1 && fits_cluster(exec, n_splits);
  if (q.in_cluster) {
    at.cluster = dim3(1, 1, at.grid.z);
    at.shared_bytes = kBytes > kPartBytes ? kBytes : kPartBytes;
  }
  const WeightSums sums = weight_sums(left, at);
  if (n_splits == 1 || q.in_cluster) {
    launch(exec, at, kernel, q, global(in), mask_of(masked), global(weight).data, global(bias).data,
           global(out), sums);
    return;
  }
  const Scratch<float> splits(exec, n_splits * q.to.n * q.to.c * q.to.d * q.to.pixels);
  Product part = q;
  part.finish = {.has_bias = false, .add = false, .slope = 1.0f};
  const GlobalChannelParts<float> to_splits{{global(splits.span()), 0, q.to.c}, {{}, q.to.c, 0}};
  launch(exec, at, kernel, part, global(in), mask_of(masked), global(weight).data, global(bias).data,
         to_splits, sums);
  conv3d_add_splits(exec, splits.span(), bias, q.finish, q.to, out);
}

template <int kProducts>
void forward(const Exec& exec, const ChannelParts<const float>& x, View5<const float> weight,
             View<const float, 1> bias, const Conv3dParams&, float slope, View5<float> y) {
  if (y.numel() == 0) return;
  const int64_t n_taps = weight.size(2) * weight.size(3) * weight.size(4);
  Product q{};
  q.depth = static_cast<int>(weight.size(2));
  q.stride_n = weight.size(1) * n_taps;
  q.stride_k = n_taps;
  q.finish = {.has_bias = bias.data != nullptr, .add = false, .slope = slope};
  const auto run =
      weight.size(4) == 1 ? launch_product<1, false, kProducts> : launch_product<3, false, kProducts>;
  run(exec, "conv3d_forward_tensor_core", q, x, {}, weight, bias, {y}, {});
}

template <int kProducts>
void data_and_sums(const Exec& exec, const MaskedGradient<float>& grad_y, View5<const float> weight,
                   const Conv3dParams&, bool add, const ChannelParts<float>& grad_x,
                   const Conv3dWeightParts<float>& left) {
  if (grad_x.first.numel() + grad_x.second.numel() == 0) return conv3d_add_parts(exec, left);
  const int64_t n_taps = weight.size(2) * weight.size(3) * weight.size(4);
  Product q{};
  q.depth = static_cast<int>(weight.size(2));
  q.stride_n = n_taps;
  q.stride_k = weight.size(1) * n_taps;
  q.finish = {.has_bias = false, .add = add, .slope = 1.0f};
  const auto run =
      weight.size(4) == 1 ? launch_product<1, true, kProducts> : launch_product<3, true, kProducts>;
  run(exec, "conv3d_backward_data_tensor_core", q, {grad_y.grad}, grad_y, weight, {}, grad_x, left);
}

template <int kProducts>
void backward_data(const Exec& exec, const MaskedGradient<float>& grad_y, View5<const float> weight,
                   const Conv3dParams& params, bool add, const ChannelParts<float>& grad_x) {
  data_and_sums<kProducts>(exec, grad_y, weight, params, add, grad_x, {});
}

template <int kProducts>
void backward_weights(const Exec& exec, const ChannelParts<const float>& x,
                      const MaskedGradient<float>& grad_y, const Conv3dParams& params,
                      View5<float> grad_weight, View<float, 1> grad_bias) {
  conv3d_add_parts(
      exec, conv3d_tensor_core_begin_weights<kProducts>(exec, x, grad_y, params, grad_weight, grad_bias));
}

bool supports(const Conv3dGeometry& g) {
  using Triple = std::array<int64_t, 3>;
  const Triple kernel{g.weight[2], g.weight[3], g.weight[4]};
  const bool there = kernel == Triple{1, 1, 1} || kernel == Triple{1, 3, 3} || kernel == Triple{3, 3, 3};
  const Triple same{kernel[0] / 2, kernel[1] / 2, kernel[2] / 2};
  return there && g.params.padding == same && g.params.stride == Triple{1, 1, 1};
}

template <int kProducts>
constexpr Conv3dKernels<float> kKernels{forward<kProducts>,
                                        backward_data<kProducts>,
                                        backward_weights<kProducts>,
                                        true,
                                        conv3d_tensor_core_begin_weights<kProducts>,
                                        data_and_sums<kProducts>};

}  // namespace

const Conv3dImplementation<float> conv3d_tensor_core = {
    {.name = "tensor_core",
     .idea = "an implicit matrix product on tensor cores, operands rounded to TF32",
     .device = kDevice,
     .tolerance_factor = 500.0},  // 1e-3 of y; where operands have 11 bits it errs as float32 does
    [](const Conv3dGeometry& g) { return precision() == Precision::tf32 && supports(g); },
    kKernels<1>};

const Conv3dImplementation<float> conv3d_tensor_core_3x = {
    {.name = "tensor_core_3x",
     .idea = "the same with three products of TF32 for one of float32",
     .device = kDevice},
    supports,
    kKernels<3>};

}  // namespace primal::PRIMAL_SIMT
