// One launch for up to kMost tensors, a block for each chunk of one of them, as in autograd/gradient_cuda.cu.
// A block that finds a number that is not finite writes the step's number down, if no earlier step has: all
// that do write the same one.
#include <cmath>

#include "nn/step_state/step_state_kernels.h"
#include "tensor/simt/chunks.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kChunk = 16 * kThreads;
constexpr int kMost = 64;

template <class T>
using Tensors = ChunkedBuffers<T, kMost>;

__global__ void judge_kernel(Tensors<const float> tensors, Global<const float> loss, Global<const double> now,
                             Global<double> losses, Global<int32_t> first_bad) {
  const auto [k, begin, end] = tensors.chunks.part(kChunk);
  const Global<const float> data = tensors.data[k];
  int bad = 0;
  for (int64_t i = begin + threadIdx.x; i < end; i += kThreads) {
    const float value = data[i];
    if (!std::isfinite(value)) bad = 1;
  }
  bad = __syncthreads_or(bad);
  if (threadIdx.x != 0) return;
  const double step = now[0], place = now[1];
  if (bad != 0) atomicCAS(first_bad + 0, 0, static_cast<int32_t>(step));
  if (blockIdx.x == 0) losses[static_cast<int64_t>(place)] = static_cast<double>(static_cast<float>(loss[0]));
}

// Element i of a chunk, for kept and buffers alike.
__global__ void restore_kernel(Tensors<const float> kept, Tensors<float> buffers,
                               Global<const int32_t> first_bad) {
  if (first_bad[0] == 0) return;
  const auto [k, begin, end] = kept.chunks.part(kChunk);
  const Global<const float> from = kept.data[k];
  const Global<float> to = buffers.data[k];
  for (int64_t i = begin + threadIdx.x; i < end; i += kThreads) to[i] = static_cast<float>(from[i]);
}

void judge(const Exec& exec, std::span<const float> loss, std::span<const std::span<const float>> gradients,
           std::span<const double> now, std::span<double> losses, std::span<int32_t> first_bad) {
  Tensors<const float> tensors;
  tensors.add(loss, kChunk);
  const auto look = [&] {
    launch(exec, {.name = "judge_step", .grid = dim3(tensors.chunks.n_blocks()), .block = kThreads},
           judge_kernel, tensors, global(loss), global(now), global(losses), global(first_bad));
    tensors = {};
  };
  for (const std::span<const float>& gradient : gradients) {
    if (tensors.chunks.full()) look();
    tensors.add(gradient, kChunk);
  }
  if (tensors.chunks.n_blocks() > 0) look();
}

void restore(const Exec& exec, std::span<const std::span<const float>> kept,
             std::span<const std::span<float>> buffers, std::span<const int32_t> first_bad) {
  for (size_t first = 0; first < kept.size(); first += kMost) {
    Tensors<const float> from;
    Tensors<float> to;
    for (size_t k = first; k < kept.size() && !from.chunks.full(); ++k) {
      from.add(kept[k], kChunk);
      to.add(buffers[k], kChunk);
    }
    if (from.chunks.n_blocks() == 0) continue;
    launch(exec, {.name = "restore_buffers", .grid = dim3(from.chunks.n_blocks()), .block = kThreads},
           restore_kernel, from, to, global(first_bad));
  }
}

}  // namespace

const StepStateImplementation step_state_chunks = {
    {"chunks", "all tensors in one launch, a block for each chunk", kDevice}, nullptr, {judge, restore}};

}  // namespace primal::PRIMAL_SIMT
