// Forward has one thread for each output cell. It looks through its window in memory order, as the CPU does,
// so that ties and NaN end alike. Backward gathers: one thread for each cell of x asks the windows that
// contain the cell, in memory order, whether it won there; cells that won nowhere cost no access to grad_x. A
// thread of either takes several volumes.
#include <cmath>

#include "nn/max_pool3d/max_pool3d_kernels.h"
#include "tensor/simt/volumes.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int64_t kVolumesPerThread = 2;

// One axis of the windows.
struct Axis {
  int64_t n_in, n_out, kernel, step, padding;

  // The cells [begin, end) that window o shares with the axis.
  __device__ int64_t first_cell(int64_t o) const {
    const int64_t first = o * step - padding;
    return first > 0 ? first : 0;
  }
  __device__ int64_t last_cell(int64_t o) const {
    const int64_t last = o * step - padding + kernel - 1;
    return last < n_in ? last : n_in - 1;
  }
  // The windows that cell i lies in.
  __device__ int64_t first_window(int64_t i) const {
    const int64_t reach = i + padding - kernel;
    return reach < 0 ? 0 : reach / step + 1;
  }
  __device__ int64_t last_window(int64_t i) const {
    const int64_t last = (i + padding) / step;
    return last < n_out ? last : n_out - 1;
  }
};

struct Windows {
  Axis d, h, w;
  int64_t n_in() const { return d.n_in * h.n_in * w.n_in; }
  int64_t n_out() const { return d.n_out * h.n_out * w.n_out; }
};

template <class T>
Windows windows_of(const View5<T>& x, const MaxPool3dParams& params, const std::array<int64_t, 5>& y) {
  const auto axis = [&](size_t a) {
    return Axis{x.extent[2 + a], y[2 + a], params.kernel[a], params.steps()[a], params.padding[a]};
  };
  return {axis(0), axis(1), axis(2)};
}

template <class T, bool kWithArgmax>
__global__ void forward_kernel(Global<const T> x, Windows windows, int64_t n_volumes, int64_t n_in,
                               int64_t n_out, Global<T> y, Global<int32_t> argmax) {
  const int64_t o = cell_of_thread();
  if (o >= n_out) return;
  const Axis &d = windows.d, &h = windows.h, &w = windows.w;
  const Cell at = cell_at(o, h.n_out, w.n_out);
  const int64_t d0 = d.first_cell(at.d), d1 = d.last_cell(at.d);
  const int64_t h0 = h.first_cell(at.h), h1 = h.last_cell(at.h);
  const int64_t w0 = w.first_cell(at.w), w1 = w.last_cell(at.w);
  for (int64_t v = blockIdx.y; v < n_volumes; v += gridDim.y) {
    T best = -INFINITY;  // a window of that alone keeps its first cell
    int64_t winner = (d0 * h.n_in + h0) * w.n_in + w0;
    for (int64_t i = d0; i <= d1; ++i) {
      for (int64_t j = h0; j <= h1; ++j) {
        const int64_t row = (i * h.n_in + j) * w.n_in;
        for (int64_t k = w0; k <= w1; ++k) {
          const T value = x[v * n_in + row + k];
          if (value > best || value != value) {  // the second: a NaN
            best = value;
            winner = row + k;
          }
        }
      }
    }
    y[v * n_out + o] = best;
    if constexpr (kWithArgmax) argmax[v * n_out + o] = static_cast<int32_t>(winner);
  }
}

template <class T>
__global__ void backward_kernel(Global<const int32_t> argmax, Global<const T> grad_y, Windows windows,
                                int64_t n_volumes, int64_t n_in, int64_t n_out, Global<T> grad_x) {
  const int64_t i = cell_of_thread();
  if (i >= n_in) return;
  const Axis &d = windows.d, &h = windows.h, &w = windows.w;
  const Cell at = cell_at(i, h.n_in, w.n_in);
  const int64_t d0 = d.first_window(at.d), d1 = d.last_window(at.d);
  const int64_t h0 = h.first_window(at.h), h1 = h.last_window(at.h);
  const int64_t w0 = w.first_window(at.w), w1 = w.last_window(at.w);
  for (int64_t v = blockIdx.y; v < n_volumes; v += gridDim.y) {
    for (int64_t a = d0; a <= d1; ++a) {
      for (int64_t b = h0; b <= h1; ++b) {
        for (int64_t c = w0; c <= w1; ++c) {
          const int64_t o = v * n_out + (a * h.n_out + b) * w.n_out + c;
          if (argmax[o] == i) grad_x[v * n_in + i] += grad_y[o];
        }
      }
    }
  }
}

template <class T>
void forward(const Exec& exec, View5<const T> x, const MaxPool3dParams& params, View5<T> y,
             View5<int32_t> argmax) {
  const Windows windows = windows_of(x, params, y.extent);
  const int64_t n_volumes = x.size(0) * x.size(1), n_in = windows.n_in(), n_out = windows.n_out();
  if (n_volumes == 0) return;
  const dim3 grid = volume_grid(n_out, n_volumes, kVolumesPerThread);
  if (argmax.data != nullptr) {
    launch(exec, {.name = "max_pool3d_forward", .grid = grid, .block = kVolumeThreads},
           forward_kernel<T, true>, global(x.flat()), windows, n_volumes, n_in, n_out, global(y.flat()),
           global(argmax.flat()));
  } else {
    launch(exec, {.name = "max_pool3d_forward", .grid = grid, .block = kVolumeThreads},
           forward_kernel<T, false>, global(x.flat()), windows, n_volumes, n_in, n_out, global(y.flat()),
           global(std::span<int32_t>()));
  }
}

template <class T>
void backward(const Exec& exec, View5<const int32_t> argmax, View5<const T> grad_y,
              const MaxPool3dParams& params, View5<T> grad_x) {
  const Windows windows = windows_of(grad_x, params, grad_y.extent);
  const int64_t n_volumes = grad_x.size(0) * grad_x.size(1), n_in = windows.n_in(), n_out = windows.n_out();
  if (n_volumes == 0) return;
  const dim3 grid = volume_grid(n_in, n_volumes, kVolumesPerThread);
  launch(exec, {.name = "max_pool3d_backward", .grid = grid, .block = kVolumeThreads}, backward_kernel<T>,
         global(argmax.flat()), global(grad_y.flat()), windows, n_volumes, n_in, n_out,
         global(grad_x.flat()));
}

bool anything(const MaxPool3dGeometry&) { return true; }

}  // namespace

const MaxPool3dImplementation<float> max_pool3d_windows = {
    {"windows", "one thread for each window, back one for each cell", kDevice},
    anything,
    {forward<float>, backward<float>}};

}  // namespace primal::PRIMAL_SIMT
