// Forward has one thread for each cell of y, which computes where the cell comes from. Backward gathers: one
// thread for each cell of x goes through the outputs that show the cell, in their order: the one inside, and
// those outside that the mode of the axis adds. A thread of either takes several volumes.
#include "nn/pad3d/pad3d_kernels.h"
#include "tensor/simt/volumes.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int64_t kVolumesPerThread = 2;

struct Axis {
  int64_t n_in, n_out, low;
  PadMode mode;

  // The cell that output i shows, -1 for none, as in pad3d_reference.cpp.
  __device__ int64_t source(int64_t i) const {
    const int64_t j = i - low;
    if (j >= 0 && j < n_in) return j;
    switch (mode) {
      case PadMode::zero:
        return -1;
      case PadMode::edge:
        return j < 0 ? 0 : n_in - 1;
      case PadMode::reflect:
        return j < 0 ? -j : 2 * (n_in - 1) - j;
      case PadMode::circular:
        return (j + n_in) % n_in;
    }
    return -1;
  }

  // The first output behind i that shows cell j, n_out where there is none.
  __device__ int64_t next(int64_t i, int64_t j) const {
    const int64_t inside = j + low;
    if (mode == PadMode::zero) return inside > i && inside < n_out ? inside : n_out;
    for (++i; i < n_out; ++i) {
      if (i >= low && i < low + n_in) {
        if (i <= inside) return inside;
        i = low + n_in - 1;  // nothing else inside shows j
      } else if (source(i) == j) {
        return i;
      }
    }
    return n_out;
  }
};

struct Axes {
  Axis d, h, w;
  int64_t n_in() const { return d.n_in * h.n_in * w.n_in; }
  int64_t n_out() const { return d.n_out * h.n_out * w.n_out; }
};

template <class X, class Y>
Axes axes_of(const View5<X>& x, const Lookup3d& lookup, const View5<Y>& y) {
  const auto axis = [&](size_t a) {
    return Axis{x.extent[2 + a], y.extent[2 + a], lookup[a].low, lookup[a].mode};
  };
  return {axis(0), axis(1), axis(2)};
}

template <class T>
__global__ void forward_kernel(Global<const T> x, Axes axes, int64_t n_volumes, int64_t n_in, int64_t n_out,
                               Global<T> y) {
  const int64_t o = cell_of_thread();
  if (o >= n_out) return;
  const Cell at = cell_at(o, axes.h.n_out, axes.w.n_out);
  const int64_t d = axes.d.source(at.d), h = axes.h.source(at.h), w = axes.w.source(at.w);
  const bool exists = d >= 0 && h >= 0 && w >= 0;
  const int64_t from = (d * axes.h.n_in + h) * axes.w.n_in + w;
  for (int64_t v = blockIdx.y; v < n_volumes; v += gridDim.y)
    y[v * n_out + o] = exists ? x[v * n_in + from] : T(0);
}

template <class T>
__global__ void backward_kernel(Global<const T> grad_y, Axes axes, int64_t n_volumes, int64_t n_in,
                                int64_t n_out, Global<T> grad_x) {
  const int64_t i = cell_of_thread();
  if (i >= n_in) return;
  const Axis &d = axes.d, &h = axes.h, &w = axes.w;
  const Cell at = cell_at(i, h.n_in, w.n_in);
  for (int64_t a = d.next(-1, at.d); a < d.n_out; a = d.next(a, at.d)) {
    for (int64_t b = h.next(-1, at.h); b < h.n_out; b = h.next(b, at.h)) {
      for (int64_t c = w.next(-1, at.w); c < w.n_out; c = w.next(c, at.w)) {
        const int64_t from = (a * h.n_out + b) * w.n_out + c;
        for (int64_t v = blockIdx.y; v < n_volumes; v += gridDim.y)
          grad_x[v * n_in + i] += grad_y[v * n_out + from];
      }
    }
  }
}

template <class T>
void forward(const Exec& exec, View5<const T> x, const Lookup3d& lookup, View5<T> y) {
  const Axes axes = axes_of(x, lookup, y);
  const int64_t n_volumes = x.size(0) * x.size(1), n_in = axes.n_in(), n_out = axes.n_out();
  if (n_volumes == 0) return;
  const dim3 grid = volume_grid(n_out, n_volumes, kVolumesPerThread);
  launch(exec, {.name = "lookup3d_forward", .grid = grid, .block = kVolumeThreads}, forward_kernel<T>,
         global(x.flat()), axes, n_volumes, n_in, n_out, global(y.flat()));
}

template <class T>
void backward(const Exec& exec, View5<const T> grad_y, const Lookup3d& lookup, View5<T> grad_x) {
  const Axes axes = axes_of(grad_x, lookup, grad_y);
  const int64_t n_volumes = grad_x.size(0) * grad_x.size(1), n_in = axes.n_in(), n_out = axes.n_out();
  if (n_volumes == 0) return;
  const dim3 grid = volume_grid(n_in, n_volumes, kVolumesPerThread);
  launch(exec, {.name = "lookup3d_backward", .grid = grid, .block = kVolumeThreads}, backward_kernel<T>,
         global(grad_y.flat()), axes, n_volumes, n_in, n_out, global(grad_x.flat()));
}

}  // namespace

const Lookup3dImplementation<float> lookup3d_cells = {
    {"cells", "one thread for each cell, which computes where it comes from", kDevice},
    nullptr,
    {forward<float>, backward<float>}};

}  // namespace primal::PRIMAL_SIMT
