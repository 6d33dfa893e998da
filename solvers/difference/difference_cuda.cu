// One thread for each pixel, all axes: it reads the pixel and a neighbour for each axis and writes a value
// of its own. Neighbouring threads are neighbours along W, so whole sectors are read; what the other axes
// read comes from L1 or L2.
// Bounds: difference_kernel<float> 40 registers, 0 bytes of shared memory, local memory
// Bounds: adjoint_kernel<float> 32 registers, 0 bytes of shared memory, local memory
#include "solvers/difference/difference_kernels.h"
#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kThreads = 256;

// A copy of the axes and extents for kernels.
struct Grid {
  int n_axes;
  int axis[3];
  int64_t extent[5];  // of the field with one channel, N,1,D,H,W

  __host__ __device__ int64_t pixels() const { return extent[2] * extent[3] * extent[4]; }
};

// Where the neighbour of pixel `i` of a volume lies, relative to it, one step along an axis.
__device__ int64_t neighbour(const Grid& grid, int64_t i, int axis, int step) {
  int64_t stride = 1;
  for (int inner = 4; inner > axis; --inner) stride *= grid.extent[inner];
  const int64_t n = grid.extent[axis], at = i / stride % n;
  const int64_t to = step > 0 ? (at + 1 < n ? at + 1 : 0) : (at > 0 ? at - 1 : n - 1);
  return (to - at) * stride;
}

template <class T>
__device__ void put(Global<T> to, int64_t i, T value, bool add) {
  if (add)
    to[i] += value;
  else
    to[i] = value;
}

// y = G x, or y += G x:   x [N,1,D,H,W] -> y [N,A,D,H,W]
template <class T>
__global__ void difference_kernel(Grid grid, Global<const T> x, Global<T> y, bool add) {
  const int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x, pixels = grid.pixels();
  if (i >= grid.extent[0] * pixels) return;
  const int64_t n = i / pixels, at = i - n * pixels;
  for (int a = 0; a < grid.n_axes; ++a) {
    const T next = x[i + neighbour(grid, at, grid.axis[a], +1)];
    put<T>(y, (n * grid.n_axes + a) * pixels + at, next - x[i], add);
  }
}

// y = G' q, or y += G' q:   q [N,A,D,H,W] -> y [N,1,D,H,W]
template <class T>
__global__ void adjoint_kernel(Grid grid, Global<const T> q, Global<T> y, bool add) {
  const int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x, pixels = grid.pixels();
  if (i >= grid.extent[0] * pixels) return;
  const int64_t n = i / pixels, at = i - n * pixels;
  T sum = add ? static_cast<T>(y[i]) : T(0);
  for (int a = 0; a < grid.n_axes; ++a) {
    const int64_t here = (n * grid.n_axes + a) * pixels + at;
    sum += q[here + neighbour(grid, at, grid.axis[a], -1)] - q[here];
  }
  y[i] = sum;
}

template <class T>
Grid grid_of(const View5<T>& one_channel, const Axes& axes) {
  Grid grid{};
  grid.n_axes = axes.count();
  for (int a = 0; a < axes.count(); ++a) grid.axis[a] = axes[a];
  for (int axis = 0; axis < 5; ++axis) grid.extent[axis] = one_channel.size(axis);
  return grid;
}

template <class T, bool add>
void difference(const Exec& exec, View5<const T> x, const Axes& axes, View5<T> y) {
  if (x.numel() == 0) return;
  launch(exec, {.name = "gradient", .grid = blocks_for(x.numel(), kThreads), .block = kThreads},
         difference_kernel<T>, grid_of(x, axes), global(x.flat()), global(y.flat()), add);
}

template <class T, bool add>
void adjoint(const Exec& exec, View5<const T> q, const Axes& axes, View5<T> y) {
  if (y.numel() == 0) return;
  launch(exec, {.name = "gradient_adjoint", .grid = blocks_for(y.numel(), kThreads), .block = kThreads},
         adjoint_kernel<T>, grid_of(y, axes), global(q.flat()), global(y.flat()), add);
}

}  // namespace

const DifferenceImplementation<float> difference_elementwise = {
    {"elementwise", "one thread for each pixel, neighbours gathered", kDevice},
    nullptr,
    {difference<float, false>, difference<float, true>, adjoint<float, false>, adjoint<float, true>}};

}  // namespace primal::PRIMAL_SIMT
