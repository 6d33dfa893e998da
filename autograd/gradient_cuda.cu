// Counting takes two launches for all tensors together (up to kMost of them): each block counts in its
// own chunk of one tensor, then a block for each tensor adds what its chunks have. Counts are whole
// numbers, so any order would do.
#include <cmath>

#include "autograd/gradient_kernels.h"
#include "tensor/scratch.h"
#include "tensor/simt/chunks.h"
#include "tensor/simt/reduce.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kChunk = 16 * kThreads;
constexpr int kMost = 64;

template <class T>
using Tensors = ChunkedBuffers<T, kMost>;

template <class T>
__global__ void add_kernel(Global<const T> x, Global<T> y, int64_t n) {
  const int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (i < n) y[i] += x[i];
}

template <class T>
__global__ void count_kernel(Tensors<const T> tensors, Global<int> of_chunk) {
  const auto [k, begin, end] = tensors.chunks.part(kChunk);
  const Global<const T> data = tensors.data[k];
  int count = 0;
  for (int64_t i = begin + threadIdx.x; i < end; i += kThreads) count += std::isfinite(data[i]) ? 0 : 1;
  count = block_sum(count);
  if (threadIdx.x == 0) of_chunk[blockIdx.x] = count;
}

__global__ void sum_kernel(Chunks<kMost> chunks, Global<const int> of_chunk, Global<int64_t> counts) {
  int64_t count = 0;
  for (int64_t i = chunks.first[blockIdx.x] + threadIdx.x; i < chunks.first[blockIdx.x + 1]; i += kThreads)
    count += of_chunk[i];
  count = block_sum(count);
  if (threadIdx.x == 0) counts[blockIdx.x] = count;
}

template <class T>
void add(const Exec& exec, std::span<const T> x, std::span<T> y) {
  const int64_t n = std::ssize(x);
  if (n == 0) return;
  launch(exec, {.name = "gradient_add", .grid = blocks_for(n, kThreads), .block = kThreads}, add_kernel<T>,
         global(x), global(y), n);
}

// A block for each chunk of a tensor.
template <class T>
__global__ void zero_kernel(Tensors<T> tensors) {
  const auto [k, begin, end] = tensors.chunks.part(kChunk);
  const Global<T> data = tensors.data[k];
  for (int64_t i = begin + threadIdx.x; i < end; i += kThreads) data[i] = T(0);
}

template <class T>
void zero(const Exec& exec, std::span<const std::span<T>> all) {
  while (!all.empty()) {
    Tensors<T> tensors;
    while (!all.empty() && !tensors.chunks.full()) {
      tensors.add(all[0], kChunk);
      all = all.subspan(1);
    }
    if (tensors.chunks.n_blocks() == 0) continue;
    launch(exec, {.name = "zero_gradients", .grid = dim3(tensors.chunks.n_blocks()), .block = kThreads},
           zero_kernel<T>, tensors);
  }
}

template <class T>
void count_non_finite(const Exec& exec, std::span<const std::span<const T>> all, std::span<int64_t> counts) {
  while (!all.empty()) {
    Tensors<const T> tensors;
    while (!all.empty() && !tensors.chunks.full()) {
      tensors.add(all[0], kChunk);
      all = all.subspan(1);
    }
    const unsigned n_tensors = static_cast<unsigned>(tensors.chunks.n), n_blocks = tensors.chunks.n_blocks();
    const Scratch<int> of_chunk(exec, n_blocks);
    if (n_blocks > 0) {
      launch(exec, {.name = "count_non_finite", .grid = dim3(n_blocks), .block = kThreads}, count_kernel<T>,
             tensors, global(of_chunk.span()));
    }
    launch(exec, {.name = "count_non_finite_sum", .grid = dim3(n_tensors), .block = kThreads}, sum_kernel,
           tensors.chunks, global(of_chunk.span()), global(counts.first(n_tensors)));
    counts = counts.subspan(n_tensors);
  }
}

}  // namespace

const GradientImplementation<float> gradient_elementwise = {
    {"elementwise", "one thread for each element or a few", kDevice},
    nullptr,
    {add<float>, zero<float>, count_non_finite<float>}};

}  // namespace primal::PRIMAL_SIMT
