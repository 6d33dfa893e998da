// All axes at once, since what lies between two axes would have to go through memory. There is one thread for
// each cell (d, h, w) of the result; it adds the taps of all three axes, and the weight of a tap is the
// product of the weights along the axes. Neighbouring threads read neighbouring taps, which caches hold. A
// thread takes the same cell of several volumes, so that indices and weights are read once for all of them.
// The adjoint is the same kernel with the transposed tables, so it too has one thread for each result.
#include "nn/upsample3d/upsample3d_kernels.h"
#include "tensor/simt/volumes.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kVolumes = 4;  // of a thread at once

// One axis: an AxisTable whose taps stop where there is nothing to do.
template <class T>
struct Axis {
  int64_t n_in, n_out, n_taps;
  bool identity;
  Global<const int32_t> index;
  Global<const T> weight;

  __device__ int64_t index_of(int64_t i, int64_t t) const { return identity ? i : index[t * n_out + i]; }
  __device__ T weight_of(int64_t i, int64_t t) const { return identity ? T(1) : weight[t * n_out + i]; }
};

template <class T>
struct Axes {
  Axis<T> d, h, w;
};

template <class T>
Axis<T> axis_of(const AxisTable<T>& table) {
  Axis<T> axis;
  axis.n_in = table.n_in;
  axis.n_out = table.n_out;
  axis.n_taps = table.identity ? 1 : table.n_taps;
  axis.identity = table.identity;
  axis.index = global(table.index);
  axis.weight = global(table.weight);
  return axis;
}

template <class T, bool kAdd>
__global__ void resample_kernel(Global<const T> x, Axes<T> axes, int64_t n_volumes, int64_t n_in,
                                int64_t n_out, Global<T> y) {
  const int64_t o = cell_of_thread();
  if (o >= n_out) return;
  const Axis<T>&d = axes.d, &h = axes.h, &w = axes.w;
  const Cell at = cell_at(o, h.n_out, w.n_out);
  for (int64_t v = blockIdx.y * int64_t{kVolumes}; v < n_volumes; v += gridDim.y * int64_t{kVolumes}) {
    T sum[kVolumes] = {};
    for (int64_t i = 0; i < d.n_taps; ++i) {
      const T weight_d = d.weight_of(at.d, i);
      if (weight_d == 0) continue;  // no tap, it only fills the table
      for (int64_t j = 0; j < h.n_taps; ++j) {
        const T weight_h = weight_d * h.weight_of(at.h, j);
        if (weight_h == 0) continue;
        const int64_t row = (d.index_of(at.d, i) * h.n_in + h.index_of(at.h, j)) * w.n_in;
        for (int64_t k = 0; k < w.n_taps; ++k) {
          const T weight = weight_h * w.weight_of(at.w, k);
          const int64_t tap = row + w.index_of(at.w, k);
#pragma unroll
          for (int u = 0; u < kVolumes; ++u) {
            if (v + u < n_volumes) sum[u] += weight * x[(v + u) * n_in + tap];
          }
        }
      }
    }
#pragma unroll
    for (int u = 0; u < kVolumes; ++u) {
      if (v + u >= n_volumes) continue;
      if constexpr (kAdd) {
        y[(v + u) * n_out + o] += sum[u];
      } else {
        y[(v + u) * n_out + o] = sum[u];
      }
    }
  }
}

template <class T, bool kAdd>
void resample(const Exec& exec, const char* name, View5<const T> x, const AxisTables<T>& maps, View5<T> y) {
  const int64_t n_volumes = x.size(0) * x.size(1);
  const int64_t n_in = x.size(2) * x.size(3) * x.size(4), n_out = y.size(2) * y.size(3) * y.size(4);
  if (n_volumes == 0) return;
  const Axes<T> axes = {axis_of(maps[0]), axis_of(maps[1]), axis_of(maps[2])};
  launch(exec, {.name = name, .grid = volume_grid(n_out, n_volumes, kVolumes), .block = kVolumeThreads},
         resample_kernel<T, kAdd>, global(x.flat()), axes, n_volumes, n_in, n_out, global(y.flat()));
}

template <class T>
void forward(const Exec& exec, View5<const T> x, const AxisTables<T>& maps, View5<T> y) {
  resample<T, false>(exec, "upsample3d_forward", x, maps, y);
}

template <class T>
void backward(const Exec& exec, View5<const T> grad_y, const AxisTables<T>& transposes, bool add,
              View5<T> grad_x) {
  const auto run = add ? resample<T, true> : resample<T, false>;
  run(exec, "upsample3d_backward", grad_y, transposes, grad_x);
}

bool anything(const Upsample3dGeometry&) { return true; }

}  // namespace

const Upsample3dImplementation<float> upsample3d_taps = {
    {"taps", "one thread for each cell of the result, all axes at once", kDevice},
    anything,
    {forward<float>, backward<float>}};

}  // namespace primal::PRIMAL_SIMT
