#ifndef __CUDACC__
#include "tests/tensor/simt_kernels.h"
#endif
#include "tensor/simt/async_copy.h"
#include "tensor/simt/cooperative.h"
#include "tensor/simt/float4.h"
#include "tensor/simt/simt.h"
#include "tensor/simt/tensor_core.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr unsigned kAllLanes = ~0U;

__device__ int64_t global_index() { return blockIdx.x * int64_t{blockDim.x} + threadIdx.x; }

__device__ float sum_of_warp(float v) {
  for (int delta = 16; delta > 0; delta /= 2) v += __shfl_xor_sync(kAllLanes, v, delta);
  return v;
}

__global__ void axpy_kernel(float a, Global<const float> x, Global<float> y, int64_t n) {
  const int64_t i = global_index();
  if (i < n) y[i] += a * x[i];
}

__global__ void block_sums_kernel(Global<const float> x, Global<float> sums, int64_t n) {
  PRIMAL_SHARED(float, of_warp, [8]);
  const int64_t i = global_index();
  float sum = i < n ? x[i] : 0.0f;
  for (unsigned delta = 16; delta > 0; delta /= 2) sum += __shfl_down_sync(kAllLanes, sum, delta);
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
  for (int64_t c = threadIdx.x; c < n_counts; c += blockDim.x) of_block[c] = 0;
  __syncthreads();
  for (int64_t i = global_index(); i < n; i += int64_t{gridDim.x} * blockDim.x)
    atomicAdd(of_block + static_cast<int>(x[i] * static_cast<float>(n_counts)), 1);
  __syncthreads();
  for (int64_t c = threadIdx.x; c < n_counts; c += blockDim.x) atomicAdd(counts + c, of_block[c]);
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

__global__ void grid_sum_kernel(Global<const double> x, int64_t n, Global<double> copies,
                                Global<double> sums) {
  const int64_t n_threads = int64_t{blockDim.x} * blockDim.y;
  for (int64_t i = (blockIdx.x * int64_t{blockDim.y} + threadIdx.y) * blockDim.x + threadIdx.x; i < n;
       i += gridDim.x * n_threads)
    copies[i] = x[i];
  grid_sync();
  const double sum = block_sum_of_others<double>(copies, n);
  if (threadIdx.x == 0 && threadIdx.y == 0) sums[blockIdx.x] = sum;
}

__global__ void one_block_sum_kernel(Global<const double> x, int64_t n, Global<double> sum) {
  const double all = block_sum_of<double>(x, n);
  if (threadIdx.x == 0) sum[0] = all;
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

constexpr int kCluster = 4;

__global__ void cluster_sums_kernel(Global<const float> x, Global<float> sums) {
  PRIMAL_SHARED(float, sum, [1]);
  const float of_warp = sum_of_warp(x[global_index()]);
  if (threadIdx.x == 0) sum[0] = of_warp;
  cluster_sync();
  if (threadIdx.x == 0) {
    float all = 0.0f;
    for (unsigned i = 0; i < cluster_size(); ++i) {
      const auto theirs = map_shared(sum, (cluster_rank() + i) % cluster_size());
      all += theirs[0];
    }
    sums[blockIdx.x] = all;
  }
  cluster_sync();  // nobody ends while others read from it
}

__global__ void last_block_sum_kernel(Global<const float> x, Global<float> partial, Global<int> tickets,
                                      Global<float> sum) {
  PRIMAL_SHARED(int, is_last, [1]);
  const float of_warp = sum_of_warp(x[global_index()]);
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = of_warp;
    __threadfence();  // the partial sum is there before the ticket is
    const int ticket = atomicAdd(tickets, 1);
    __threadfence();
    is_last[0] = ticket == static_cast<int>(gridDim.x) - 1;
  }
  __syncthreads();
  if (is_last[0] == 0) return;
  float of_lane = 0.0f;
  for (unsigned b = threadIdx.x; b < gridDim.x; b += warpSize) of_lane += partial[b];
  const float all = sum_of_warp(of_lane);
  if (threadIdx.x == 0) sum[0] = all;
}

__global__ void twice_by_four_kernel(Global<const float> x, Global<float> y, int64_t n) {
  PRIMAL_SHARED(float4, through, [32]);
  const int64_t i = 4 * global_index();
  if (i >= n) return;
  const float4 v = *as<float4>(x + i);
  through[threadIdx.x] = make_float4(2.0f * v.x, 2.0f * v.y, 2.0f * v.z, 2.0f * v.w);
  const float4 doubled = through[threadIdx.x];
  *as<float4>(y + i) = doubled;
}

__global__ void largest_kernel(Global<const int> x, Global<int> n_positive, Global<int> values,
                               Global<int> places) {
  PRIMAL_SHARED(int, value, [1]);
  PRIMAL_SHARED(int, place, [1]);
  const int v = __ldg(x + global_index());
  if (threadIdx.x == 0) {
    value[0] = v;
    atomicExch(&place[0], -1);
  }
  const int n = __syncthreads_count(v > 0);
  atomicMax(&value[0], v);
  __syncthreads();
  const unsigned ballot = __ballot_sync(kAllLanes, v == value[0]);
  const int first = static_cast<int>(threadIdx.x & ~31U) + __ffs(static_cast<int>(ballot)) - 1;
  for (int warp = 0; warp < 2; ++warp) {
    if (static_cast<int>(threadIdx.x) == 32 * warp && ballot != 0) atomicCAS(&place[0], -1, first);
    __syncthreads();
  }
  if (threadIdx.x == 0) {
    n_positive[blockIdx.x] = n;
    values[blockIdx.x] = max(value[0], v);
    places[blockIdx.x] = place[0];
  }
}

__global__ void products_kernel(Global<const float> a, Global<const float> b, Global<float> sum) {
  const int lane = static_cast<int>(threadIdx.x), g = lane / 4, t = lane % 4;
  const Global<const float> my_a = a + blockIdx.x * 128, my_b = b + blockIdx.x * 64;
  const Global<float> my_sum = sum + blockIdx.x * 128;
  unsigned of_a[4], of_b[2];
  float of_sum[4];
  for (int i = 0; i < 4; ++i) {
    of_a[i] = to_tf32(my_a[(g + i % 2 * 8) * 8 + t + i / 2 * 4]);
    of_sum[i] = my_sum[(g + i / 2 * 8) * 8 + 2 * t + i % 2];
  }
  for (int i = 0; i < 2; ++i) of_b[i] = to_tf32(my_b[(t + 4 * i) * 8 + g]);
  multiply_tf32(of_sum, of_a, of_b);
  for (int i = 0; i < 4; ++i) my_sum[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = of_sum[i];
}

__global__ void reverse_chunks_kernel(Global<const float> x, Global<float> y, int64_t n) {
  constexpr int kStages = 3, kChunk = 128;
  PRIMAL_SHARED(Float4, stages, [kStages][kChunk / 4]);
  const int lane = static_cast<int>(threadIdx.x);
  const int64_t n_chunks = (n + kChunk - 1) / kChunk;
  const auto start = [&](int64_t chunk) {
    const int64_t i = chunk * kChunk + 4 * lane;
    if (chunk < n_chunks) copy_async(stages[chunk % kStages] + lane, as<Float4>(x + i), i < n);
    commit_copies();
  };
  for (int64_t chunk = 0; chunk < kStages - 1; ++chunk) start(chunk);
  for (int64_t chunk = 0; chunk < n_chunks; ++chunk) {
    wait_for_copies<kStages - 2>();
    __syncthreads();
    start(chunk + kStages - 1);
    const Float4 four = stages[chunk % kStages][kChunk / 4 - 1 - lane];
    for (int i = 0; i < 4; ++i) y[chunk * kChunk + 4 * lane + i] = four.at[3 - i];
  }
}

}  // namespace

void axpy(float a, std::span<const float> x, std::span<float> y) {
  const int64_t n = std::ssize(x);
  launch(Exec{}, {.name = "axpy", .grid = blocks_for(n, 128), .block = 128}, axpy_kernel, a, global(x),
         global(y), n);
}

void block_sums(std::span<const float> x, std::span<float> sums) {
  const int64_t n = std::ssize(x);
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
         histogram_kernel, global(x), global(counts), std::ssize(x), static_cast<int>(counts.size()));
}

void rotate(std::span<float> x, std::span<float> scratch, int rounds) {
  const int64_t n = std::ssize(x);
  launch(Exec{}, {.name = "rotate", .grid = blocks_for(n, 32), .block = 32, .cooperative = true},
         rotate_kernel, global(x), global(scratch), n, rounds);
}

void grid_sum(std::span<const double> x, unsigned warps, std::span<double> copies, std::span<double> sums) {
  const dim3 grid(resident_blocks(Exec{}, grid_sum_kernel, std::ssize(sums), static_cast<int>(32 * warps)));
  launch(Exec{}, {.name = "grid_sum", .grid = grid, .block = dim3(32, warps), .cooperative = true},
         grid_sum_kernel, global(x), std::ssize(x), global(copies), global(sums));
}

void one_block_sum(std::span<const double> x, std::span<double> sum) {
  launch(Exec{}, {.name = "one_block_sum", .block = kSumThreads}, one_block_sum_kernel, global(x),
         std::ssize(x), global(sum));
}

void votes(std::span<const float> x, std::span<unsigned> ballots, std::span<int> any_all) {
  launch(Exec{}, {.name = "votes", .grid = blocks_for(std::ssize(x), 64), .block = 64}, votes_kernel,
         global(x), global(ballots), global(any_all));
}

void shuffles(std::span<const int> x, std::span<int> first, std::span<int> up, std::span<int> mirrored) {
  launch(Exec{}, {.name = "shuffles", .grid = blocks_for(std::ssize(x), 32), .block = 32}, shuffles_kernel,
         global(x), global(first), global(up), global(mirrored));
}

void cluster_sums(std::span<const float> x, std::span<float> sums) {
  Launch at{.name = "cluster_sums", .grid = blocks_for(std::ssize(x), 32), .block = 32};
  at.cluster = kCluster;
  launch(Exec{}, at, cluster_sums_kernel, global(x), global(sums));
}

void last_block_sum(std::span<const float> x, std::span<float> partial, std::span<int> tickets,
                    std::span<float> sum) {
  launch(Exec{}, {.name = "last_block_sum", .grid = blocks_for(std::ssize(x), 32), .block = 32},
         last_block_sum_kernel, global(x), global(partial), global(tickets), global(sum));
}

void twice_by_four(std::span<const float> x, std::span<float> y) {
  const int64_t n = std::ssize(x);
  launch(Exec{}, {.name = "twice_by_four", .grid = blocks_for(n, 128), .block = 32}, twice_by_four_kernel,
         global(x), global(y), n);
}

void largest(std::span<const int> x, std::span<int> n_positive, std::span<int> values,
             std::span<int> places) {
  launch(Exec{}, {.name = "largest", .grid = blocks_for(std::ssize(x), 64), .block = 64}, largest_kernel,
         global(x), global(n_positive), global(values), global(places));
}

void products(std::span<const float> a, std::span<const float> b, std::span<float> sum) {
  launch(Exec{}, {.name = "products", .grid = blocks_for(std::ssize(sum), 128), .block = 32}, products_kernel,
         global(a), global(b), global(sum));
}

void reverse_chunks(std::span<const float> x, std::span<float> y) {
  launch(Exec{}, {.name = "reverse_chunks", .block = 32}, reverse_chunks_kernel, global(x), global(y),
         std::ssize(x));
}

}  // namespace primal::PRIMAL_SIMT
