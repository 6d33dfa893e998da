// Forward: one thread for each weight. Backward: for a map one thread for each of its values, which gathers
// from its axes; for a lambda that a whole volume shares, a block for each value, which adds up in a tree.
// Bounds: boundary_forward_kernel 32 registers, 0 bytes of shared memory, local memory
// Bounds: boundary_backward_map_kernel 48 registers, 0 bytes of shared memory, local memory
// Bounds: boundary_backward_shared_kernel 48 registers, 1280 bytes of shared memory, local memory
#include "solvers/boundary/boundary_kernels.h"
#include "solvers/broadcast_cuda.h"
#include "tensor/simt/reduce.h"
#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kGathered = 16;  // so many terms one thread adds up by itself

// What kernels know of the weights y [N,A,D,H,W].
struct Weights {
  int axis[3];  // of each channel
  int64_t extent[5];
};

struct Place {
  int64_t at[5];  // n, a, d, h, w
};

__device__ Place place_of(const int64_t (&extent)[5], int64_t i) {
  Place p{};
  for (int axis = 4; axis >= 0; --axis) {
    p.at[axis] = i % extent[axis];
    i /= extent[axis];
  }
  return p;
}

__device__ bool wraps(const Weights& y, const Place& p) {
  const int axis = y.axis[p.at[1]];
  return p.at[axis] + 1 == y.extent[axis];
}

__global__ void boundary_forward_kernel(GlobalBroadcast lambda, Weights weights, Global<float> y, int64_t n) {
  const int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (i >= n) return;
  const Place p = place_of(weights.extent, i);
  int64_t from = 0;
  for (int axis = 0; axis < 5; ++axis) from += p.at[axis] * lambda.stride[axis];
  y[i] = wraps(weights, p) ? 0.0f : lambda.data[from];
}

// The components that share one value of lambda, and the sum of their gradients from the one numbered
// `first`, every `step`-th.
struct Shared {
  Place first;
  int64_t extent[5], n;
};

__device__ Shared shared_by(const Weights& weights, const int64_t (&lambda)[5], int64_t i) {
  Shared s{place_of(lambda, i), {}, 1};
  for (int axis = 0; axis < 5; ++axis) {
    s.extent[axis] = lambda[axis] == 1 ? weights.extent[axis] : 1;
    s.n *= s.extent[axis];
  }
  return s;
}

__device__ double gathered(const Weights& weights, const Shared& s, Global<const float> grad_y, int64_t first,
                           int64_t step) {
  double sum = 0;
  for (int64_t k = first; k < s.n; k += step) {
    Place p = place_of(s.extent, k);
    int64_t from = 0;
    for (int axis = 0; axis < 5; ++axis) {
      p.at[axis] += s.first.at[axis];
      from = from * weights.extent[axis] + p.at[axis];
    }
    if (!wraps(weights, p)) sum += grad_y[from];
  }
  return sum;
}

struct LambdaExtent {
  int64_t extent[5];
};

__global__ void boundary_backward_map_kernel(Global<const float> grad_y, Weights weights, LambdaExtent lambda,
                                             Global<float> grad_lambda, int64_t n) {
  const int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (i >= n) return;
  const Shared s = shared_by(weights, lambda.extent, i);
  grad_lambda[i] += static_cast<float>(gathered(weights, s, grad_y, 0, 1));
}

__global__ void boundary_backward_shared_kernel(Global<const float> grad_y, Weights weights,
                                                LambdaExtent lambda, Global<float> grad_lambda) {
  const Shared s = shared_by(weights, lambda.extent, blockIdx.x);
  const double sum = block_sum(gathered(weights, s, grad_y, threadIdx.x, blockDim.x));
  if (threadIdx.x == 0) grad_lambda[blockIdx.x] += static_cast<float>(sum);
}

template <class T>
Weights weights_of(const View5<T>& y, const Axes& axes) {
  Weights weights{};
  for (int a = 0; a < axes.count(); ++a) weights.axis[a] = axes[a];
  for (int axis = 0; axis < 5; ++axis) weights.extent[axis] = y.size(axis);
  return weights;
}

void forward(const Exec& exec, View5<const float> lambda, const Axes& axes, View5<float> y) {
  if (y.numel() == 0) return;
  launch(exec,
         {.name = "symmetric_boundary_forward", .grid = blocks_for(y.numel(), kThreads), .block = kThreads},
         boundary_forward_kernel, global_broadcast(lambda), weights_of(y, axes), global(y.flat()), y.numel());
}

void backward(const Exec& exec, View5<const float> grad_y, const Axes& axes, View5<float> grad_lambda) {
  const int64_t n = grad_lambda.numel();
  if (n == 0) return;
  LambdaExtent lambda{};
  for (int axis = 0; axis < 5; ++axis) lambda.extent[axis] = grad_lambda.size(axis);
  if (grad_y.numel() <= kGathered * n) {
    launch(exec, {.name = "symmetric_boundary_backward", .grid = blocks_for(n, kThreads), .block = kThreads},
           boundary_backward_map_kernel, global(grad_y.flat()), weights_of(grad_y, axes), lambda,
           global(grad_lambda.flat()), n);
    return;
  }
  launch(exec, {.name = "symmetric_boundary_backward", .grid = grid_of(n), .block = dim3(kThreads)},
         boundary_backward_shared_kernel, global(grad_y.flat()), weights_of(grad_y, axes), lambda,
         global(grad_lambda.flat()));
}

}  // namespace

const BoundaryImplementation<float> boundary_gather = {
    {"gather", "one thread for each weight, and back one for each lambda", kDevice},
    nullptr,
    {forward, backward}};

}  // namespace primal::PRIMAL_SIMT
