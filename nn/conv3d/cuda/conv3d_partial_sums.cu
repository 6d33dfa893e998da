#include "nn/conv3d/cuda/conv3d_partial_sums.h"
#include "nn/conv3d/cuda/conv3d_weight_sums.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kAddThreads = 256;

// One thread for each element of out [N,O,...]: its splits [split][N,O,...], in order.
__global__ void sum_kernel(Global<const float> splits, int64_t n_splits, Global<const float> bias,
                           Finish finish, Planes to, GlobalChannelParts<float> out) {
  const int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x, n = to.n * to.c * to.volume();
  if (i >= n) return;
  float sum = 0.0f;
  for (int64_t s = 0; s < n_splits; ++s) sum += splits[s * n + i];
  const int64_t volume = i / to.volume(), image = volume / to.c, o = volume % to.c;
  const ChannelRange<float> range = out.of(o);
  const int64_t at = range.at(image, o, to.volume()) + i % to.volume();
  const float start = finish.has_bias ? bias[o] : 0.0f;
  const float before = finish.add ? float(range.data[at]) : start;
  range.data[at] = leaky_relu(before + sum, finish.slope);
}

// A launch whose blocks only add parts.
__global__ void add_parts_kernel(WeightSums sums) { added_weight_sums(sums, static_cast<int>(threadIdx.x)); }

}  // namespace

void conv3d_add_splits(const Exec& exec, std::span<const float> splits, View<const float, 1> bias,
                       const Finish& finish, const Planes& to, const ChannelParts<float>& out) {
  const int64_t n = to.n * to.c * to.d * to.pixels;
  launch(exec, {.name = "conv3d_sum_of_splits", .grid = blocks_for(n, kAddThreads), .block = kAddThreads},
         sum_kernel, global(splits), std::ssize(splits) / n, global(bias).data, finish, to, global(out));
}

void conv3d_add_parts(const Exec& exec, const Conv3dWeightParts<float>& left) {
  if (left.memory == nullptr) return;
  Launch at{.name = "conv3d_add_parts", .block = kSumWarps * kLanes};
  at.grid.z = 0;  // no other blocks
  const WeightSums sums = weight_sums(left, at);
  launch(exec, at, add_parts_kernel, sums);
}

}  // namespace primal::PRIMAL_SIMT
