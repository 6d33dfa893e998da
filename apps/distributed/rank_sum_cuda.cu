// Memory-bound loops. A bucket holds about a megabyte, so a rank adds a piece of 1 / P of that: one element
// to a thread keeps most of a device busy, and the loads of several ranks are under way at once, since only
// the additions have an order.
//
// Bounds: add_kernel 32 registers, 0 bytes of shared memory, no local memory
// Bounds: pack_kernel 32 registers, 0 bytes of shared memory, no local memory
// Bounds: unpack_kernel 32 registers, 0 bytes of shared memory, no local memory
#include "apps/distributed/rank_sum_kernels.h"
#include "tensor/simt/chunks.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kChunk = 8 * kThreads;
constexpr int kMost = 64;  // tensors of a launch: they fit into a kernel's parameters

// Tensors that lie one after the other in a buffer.
template <class T>
struct Row {
  ChunkedBuffers<T, kMost> tensors;
  int64_t at[size_t{kMost}] = {};  // of each in the buffer

  void add(std::span<T> tensor, int64_t begin) {
    at[tensors.chunks.n] = begin;
    tensors.add(tensor, kChunk);
  }
};

__global__ void pack_kernel(Row<const float> row, Global<float> buffer) {
  const auto [k, begin, end] = row.tensors.chunks.part(kChunk);
  const Global<const float> tensor = row.tensors.data[k];
  const int64_t at = row.at[k];
  for (int64_t i = begin + threadIdx.x; i < end; i += kThreads)
    buffer[at + i] = static_cast<float>(tensor[i]);
}

__global__ void unpack_kernel(Row<float> row, Global<const float> buffer) {
  const auto [k, begin, end] = row.tensors.chunks.part(kChunk);
  const Global<float> tensor = row.tensors.data[k];
  const int64_t at = row.at[k];
  for (int64_t i = begin + threadIdx.x; i < end; i += kThreads)
    tensor[i] = static_cast<float>(buffer[at + i]);
}

__global__ void add_kernel(Global<const float> received, int n_ranks, int rank, Global<float> own,
                           int64_t n) {
  const int64_t i = blockIdx.x * int64_t{kThreads} + threadIdx.x;
  if (i >= n) return;
  const float mine = own[i];
  double sum = 0.0;
#pragma unroll 4
  for (int r = 0; r < n_ranks; ++r) {
    float value = mine;
    if (r != rank) value = received[r * n + i];
    sum += static_cast<double>(value);
  }
  own[i] = static_cast<float>(sum);
}

// Calls launch_row(row) for up to kMost tensors at a time.
template <class T, class LaunchRow>
void for_all_rows(std::span<const std::span<T>> tensors, const LaunchRow& launch_row) {
  Row<T> row;
  int64_t at = 0;
  for (const std::span<T>& tensor : tensors) {
    row.add(tensor, at);
    at += std::ssize(tensor);
    if (!row.tensors.chunks.full()) continue;
    launch_row(row);
    row = {};
  }
  if (row.tensors.chunks.n_blocks() > 0) launch_row(row);
}

void pack(const Exec& exec, std::span<const std::span<const float>> tensors, std::span<float> buffer) {
  for_all_rows(tensors, [&](const Row<const float>& row) {
    launch(exec, {.name = "pack_gradients", .grid = dim3(row.tensors.chunks.n_blocks()), .block = kThreads},
           pack_kernel, row, global(buffer));
  });
}

void unpack(const Exec& exec, std::span<const float> buffer, std::span<const std::span<float>> tensors) {
  for_all_rows(tensors, [&](const Row<float>& row) {
    launch(exec, {.name = "unpack_gradients", .grid = dim3(row.tensors.chunks.n_blocks()), .block = kThreads},
           unpack_kernel, row, global(buffer));
  });
}

void add(const Exec& exec, std::span<const float> received, int n_ranks, int rank, std::span<float> own) {
  const int64_t n = std::ssize(own);
  if (n == 0) return;
  launch(exec, {.name = "add_ranks", .grid = blocks_for(n, kThreads), .block = kThreads}, add_kernel,
         global(received), n_ranks, rank, global(own), n);
}

}  // namespace

const RankSumKernels rank_sum_kernels = {pack, unpack, add};

}  // namespace primal::PRIMAL_SIMT
