#include "nn/conv3d/cuda/conv3d_partial_sums.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kAddThreads = 256;
constexpr int kPartThreads = 8;  // that share the parts of an element

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

// blockDim (kLanes, kPartThreads): a lane has one element of a part, its threads every kPartThreads-th part.
__global__ void add_parts_kernel(WeightParts q, Global<const float> parts, Global<float> grad_weight,
                                 bool wants_bias, Global<float> grad_bias) {
  PRIMAL_SHARED(double, sums, [kPartThreads][kLanes]);
  const int64_t i = blockIdx.x * int64_t{kLanes} + threadIdx.x, n = q.size();
  double sum = 0.0;
  if (i < n) {
    for (int64_t part = threadIdx.y; part < q.n; part += kPartThreads) sum += parts[part * n + i];
  }
  sums[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || i >= n) return;
  double total = 0.0;
  for (int t = 0; t < kPartThreads; ++t) total += sums[t][threadIdx.x];
  if (i < q.n_weights()) {
    // Weights are fewer than 2^32, and divisions of 32 bits take a third of the instructions of those of 64.
    const auto row = static_cast<unsigned>(i) / static_cast<unsigned>(q.n_in),
               tap = row / static_cast<unsigned>(q.n_out);
    const int64_t c = i - row * q.n_in, o = row - tap * q.n_out;
    grad_weight[(o * q.n_in + c) * q.n_taps + tap] += static_cast<float>(total);
  } else if (wants_bias) {
    grad_bias[i - q.n_weights()] += static_cast<float>(total);
  }
}

}  // namespace

void conv3d_add_splits(const Exec& exec, std::span<const float> splits, View<const float, 1> bias,
                       const Finish& finish, const Planes& to, const ChannelParts<float>& out) {
  const int64_t n = to.n * to.c * to.d * to.pixels;
  launch(exec, {.name = "conv3d_sum_of_splits", .grid = blocks_for(n, kAddThreads), .block = kAddThreads},
         sum_kernel, global(splits), std::ssize(splits) / n, global(bias).data, finish, to, global(out));
}

void conv3d_add_parts(const Exec& exec, const WeightParts& q, std::span<const float> parts,
                      View5<float> grad_weight, View<float, 1> grad_bias) {
  const dim3 block(kLanes, kPartThreads);
  launch(exec, {.name = "conv3d_add_parts", .grid = blocks_for(q.size(), kLanes), .block = block},
         add_parts_kernel, q, global(parts), global(grad_weight).data, grad_bias.data != nullptr,
         global(grad_bias).data);
}

}  // namespace primal::PRIMAL_SIMT
