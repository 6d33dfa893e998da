// Two stages: the blocks of a sample take its pixels in strides, a thread after the other along W, and add up
// in double in a tree; then one block for each sample adds up what its blocks found. Each field is read once,
// neighbours come from L1.
// Bounds: partial_kernel<0> 40 registers, 1280 bytes of shared memory, local memory
// Bounds: partial_kernel<1> 40 registers, 1280 bytes of shared memory, local memory
// Bounds: partial_kernel<2> 48 registers, 1280 bytes of shared memory, local memory
#include <algorithm>
#include <cmath>

#include "solvers/broadcast_cuda.h"
#include "solvers/tv_objective/tv_objective_kernels.h"
#include "tensor/scratch.h"
#include "tensor/simt/reduce.h"
#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {
namespace {

enum class Sum { objective, dual_objective, gap };

struct Fields {
  GlobalBroadcast x, q, z, lambda;
  int64_t extent[5];
  int n_axes;
  int axis[3];
};

struct Point {
  int64_t at[5];  // n, the channel, d, h, w
};

__device__ double value(const GlobalBroadcast& f, const Point& i, int channel) {
  int64_t offset = channel * f.stride[1];
  for (int axis = 0; axis < 5; ++axis) offset += axis == 1 ? 0 : i.at[axis] * f.stride[axis];
  return static_cast<double>(f.data[offset]);
}

// The value one step along an axis of the volume.
__device__ double neighbour(const GlobalBroadcast& f, const Fields& all, Point i, int channel, int axis,
                            int step) {
  const int64_t n = all.extent[axis];
  i.at[axis] = (i.at[axis] + step + n) % n;
  return value(f, i, channel);
}

template <Sum sum>
__device__ double term(const Fields& f, const Point& i) {
  double adjoint = 0;  // G' q
  if constexpr (sum != Sum::objective) {
    for (int a = 0; a < f.n_axes; ++a) adjoint += neighbour(f.q, f, i, a, f.axis[a], -1) - value(f.q, i, a);
  }
  if constexpr (sum == Sum::dual_objective) return value(f.z, i, 0) * adjoint - 0.5 * adjoint * adjoint;
  const double r = value(f.x, i, 0) - value(f.z, i, 0) + adjoint;
  double total = 0.5 * r * r;
  for (int a = 0; a < f.n_axes; ++a) {
    const double g = neighbour(f.x, f, i, 0, f.axis[a], +1) - value(f.x, i, 0);
    total += value(f.lambda, i, a) * std::abs(g);
    if constexpr (sum == Sum::gap) total -= value(f.q, i, a) * g;
  }
  return total;
}

// partial [N, n_each], the blocks of one sample after those of the other.
template <Sum sum>
__global__ void partial_kernel(Fields f, unsigned n_each, Global<double> partial) {
  const int64_t pixels = f.extent[2] * f.extent[3] * f.extent[4];
  double total = 0;
  const unsigned n = blockIdx.x / n_each, block = blockIdx.x % n_each;
  for (int64_t i = block * int64_t{kSumThreads} + threadIdx.x; i < pixels;
       i += n_each * int64_t{kSumThreads}) {
    const int64_t row = i / f.extent[4];
    total += term<sum>(f, {{n, 0, row / f.extent[3], row % f.extent[3], i % f.extent[4]}});
  }
  total = block_sum(total);
  if (threadIdx.x == 0) partial[blockIdx.x] = total;
}

template <Sum sum>
void sums(const Exec& exec, const TvFields<float>& fields, const Axes& axes, std::span<double> to) {
  if (to.empty()) return;
  Fields f{};
  f.x = global_broadcast(fields.x), f.q = global_broadcast(fields.q);
  f.z = global_broadcast(fields.z), f.lambda = global_broadcast(fields.lambda);
  std::ranges::copy(fields.extent, f.extent);
  f.n_axes = axes.count();
  for (int a = 0; a < f.n_axes; ++a) f.axis[a] = axes[a];

  const unsigned blocks = sum_blocks(f.extent[2] * f.extent[3] * f.extent[4]);
  const auto n = static_cast<unsigned>(to.size());
  const Scratch<double> partial(exec, int64_t{n} * blocks);
  launch(exec, {.name = "tv_objective", .grid = dim3(n * blocks), .block = dim3(kSumThreads)},
         partial_kernel<sum>, f, blocks, global(partial.span()));
  finish_sums(exec, "tv_objective_total", partial.span(), to);
}

}  // namespace

const TvObjectiveImplementation<float> tv_objective_two_stages = {
    {"two_stages", "blocks add up in a tree, then one for each sample", kDevice},
    nullptr,
    {sums<Sum::objective>, sums<Sum::dual_objective>, sums<Sum::gap>}};

}  // namespace primal::PRIMAL_SIMT
