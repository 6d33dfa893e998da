#ifndef __CUDACC__
#include "tests/tensor/simt_kernels.h"
#endif
#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr unsigned kAllLanes = ~0U;

__device__ int64_t global_index() { return blockIdx.x * int64_t{blockDim.x} + threadIdx.x; }

__global__ void axpy_kernel(float a, Global<const float> x, Global<float> y, int64_t n) {
  const int64_t i = global_index();
  if (i < n) y[i] += a * x[i];
}

__global__ void block_sums_kernel(Global<const float> x, Global<float> sums, int64_t n) {
  PRIMAL_SHARED(float, of_warp, [8]);
  const int64_t i = global_index();
  float sum = i < n ? x[i] : 0.0f;
  for (int delta = 16; delta > 0; delta /= 2) sum += __shfl_down_sync(kAllLanes, sum, delta);
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x < 8) {
    sum = of_warp[threadIdx.x];
    for (int delta = 4; delta > 0; delta /= 2) sum += __shfl_xor_sync(0xFFU, sum, delta);
    if (threadIdx.x == 0) sums[blockIdx.x] = sum;
  }
}

constexpr int kTile = 16;

__global__ void transpose_kernel(Global<const float> x, int64_t height, int64_t width, Global<float> y) {
  PRIMAL_SHARED(float, tile, [kTile][kTile + 1]);  // one column more, so that a column meets all banks
  const int64_t h = blockIdx.y * int64_t{kTile} + threadIdx.y, w = blockIdx.x * int64_t{kTile} + threadIdx.x;
  if (h < height && w < width) tile[threadIdx.y][threadIdx.x] = x[h * width + w];
  __syncthreads();
  const int64_t to_h = blockIdx.x * int64_t{kTile} + threadIdx.y,
                to_w = blockIdx.y * int64_t{kTile} + threadIdx.x;
  if (to_h < width && to_w < height) y[to_h * height + to_w] = tile[threadIdx.x][threadIdx.y];
}

__global__ void histogram_kernel(Global<const float> x, Global<int> counts, int64_t n, int n_counts) {
  PRIMAL_DYNAMIC_SHARED(int, of_block);
  for (int c = threadIdx.x; c < n_counts; c += blockDim.x) of_block[c] = 0;
  __syncthreads();
  for (int64_t i = global_index(); i < n; i += int64_t{gridDim.x} * blockDim.x)
    atomicAdd(of_block + static_cast<int>(x[i] * static_cast<float>(n_counts)), 1);
  __syncthreads();
  for (int c = threadIdx.x; c < n_counts; c += blockDim.x) atomicAdd(counts + c, of_block[c]);
}

__global__ void rotate_kernel(Global<float> x, Global<float> scratch, int64_t n, int rounds) {
  const int64_t i = global_index();
  for (int r = 0; r < rounds; ++r) {
    if (i < n) scratch[i] = x[(i + 1) % n];
    grid_sync();
    if (i < n) x[i] = scratch[i];
    grid_sync();
  }
}

__global__ void votes_kernel(Global<const float> x, Global<unsigned> ballots, Global<int> any_all) {
  const int64_t i = global_index();
  const int positive = x[i] > 0.0f;
  const unsigned ballot = __ballot_sync(kAllLanes, positive);
  const int any = __any_sync(kAllLanes, positive), all = __all_sync(kAllLanes, positive);
  __syncwarp();
  if (threadIdx.x % 32 == 0) {
    ballots[i / 32] = ballot;
    any_all[i / 32] = 2 * (any != 0) + (all != 0);
  }
}

__global__ void shuffles_kernel(Global<const int> x, Global<int> first, Global<int> up,
                                Global<int> mirrored) {
  const int64_t i = global_index();
  const int value = x[i];
  first[i] = __shfl_sync(kAllLanes, value, 0);
  up[i] = __shfl_up_sync(kAllLanes, value, 1);
  mirrored[i] = __shfl_xor_sync(kAllLanes, value, 7, 8);
}

}  // namespace

void axpy(float a, std::span<const float> x, std::span<float> y) {
  const int64_t n = static_cast<int64_t>(x.size());
  launch(Exec{}, {.name = "axpy", .grid = blocks_for(n, 128), .block = 128}, axpy_kernel, a, global(x),
         global(y), n);
}

void block_sums(std::span<const float> x, std::span<float> sums) {
  const int64_t n = static_cast<int64_t>(x.size());
  launch(Exec{}, {.name = "block_sums", .grid = blocks_for(n, 256), .block = 256}, block_sums_kernel,
         global(x), global(sums), n);
}

void transpose(std::span<const float> x, int64_t height, int64_t width, std::span<float> y) {
  const dim3 grid(blocks_for(width, kTile).x, blocks_for(height, kTile).x), block(kTile, kTile);
  launch(Exec{}, {.name = "transpose", .grid = grid, .block = block}, transpose_kernel, global(x), height,
         width, global(y));
}

void histogram(std::span<const float> x, std::span<int> counts) {
  launch(Exec{}, {.name = "histogram", .grid = 3, .block = 64, .shared_bytes = counts.size_bytes()},
         histogram_kernel, global(x), global(counts), static_cast<int64_t>(x.size()),
         static_cast<int>(counts.size()));
}

void rotate(std::span<float> x, std::span<float> scratch, int rounds) {
  const int64_t n = static_cast<int64_t>(x.size());
  launch(Exec{}, {.name = "rotate", .grid = blocks_for(n, 32), .block = 32, .cooperative = true},
         rotate_kernel, global(x), global(scratch), n, rounds);
}

void votes(std::span<const float> x, std::span<unsigned> ballots, std::span<int> any_all) {
  launch(Exec{}, {.name = "votes", .grid = blocks_for(static_cast<int64_t>(x.size()), 64), .block = 64},
         votes_kernel, global(x), global(ballots), global(any_all));
}

void shuffles(std::span<const int> x, std::span<int> first, std::span<int> up, std::span<int> mirrored) {
  launch(Exec{}, {.name = "shuffles", .grid = blocks_for(static_cast<int64_t>(x.size()), 32), .block = 32},
         shuffles_kernel, global(x), global(first), global(up), global(mirrored));
}

}  // namespace primal::PRIMAL_SIMT
