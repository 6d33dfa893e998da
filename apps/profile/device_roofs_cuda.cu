// Loops that do nothing but multiply and add, or nothing but move memory: what no kernel of a device can
// exceed.
#include "apps/profile/device_roof_kernels.h"
#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kThreads = 256;
constexpr int kChains =
    kRoofFlopsPerRound / 2;  // independent, so that each multiply-add may begin before the last has ended

__global__ void fma_kernel(int64_t rounds, float factor, Global<float> sink) {
  float sum[kChains];
#pragma unroll
  for (int i = 0; i < kChains; ++i) sum[i] = static_cast<float>(threadIdx.x) + static_cast<float>(i);
  for (int64_t r = 0; r < rounds; ++r) {
#pragma unroll
    for (int i = 0; i < kChains; ++i) sum[i] = sum[i] * factor + 0.5f;
  }
  float all = 0.0f;
#pragma unroll
  for (int i = 0; i < kChains; ++i) all += sum[i];
  sink[blockIdx.x * int64_t{kThreads} + threadIdx.x] = all;
}

__global__ void copy_kernel(Global<const float> x, Global<float> y, int64_t n) {
  const int64_t step = gridDim.x * int64_t{kThreads};
  for (int64_t i = blockIdx.x * int64_t{kThreads} + threadIdx.x; i < n; i += step) y[i] = x[i];
}

void fma(const Exec& exec, int64_t rounds, std::span<float> sink) {
  const int64_t n = std::ssize(sink);
  launch(exec, {.name = "roof_fma", .grid = blocks_for(n, kThreads), .block = kThreads}, fma_kernel, rounds,
         0.5f, global(sink));
}

void copy(const Exec& exec, std::span<const float> x, std::span<float> y) {
  const int64_t n = std::ssize(x);
  const int64_t blocks = n / (int64_t{kThreads} * 8);  // eight elements a thread
  launch(exec, {.name = "roof_copy", .grid = blocks_for(blocks, 1), .block = kThreads}, copy_kernel,
         global(x), global(y), n);
}

}  // namespace

const RoofKernels roof_kernels = {fma, copy};

}  // namespace primal::PRIMAL_SIMT
