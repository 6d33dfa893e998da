// How the CPU implementations of upsample3d go through a volume: one axis after the other, so that what lies
// between two axes stays in cache. Forward goes W, H, D and the adjoint D, H, W: the pass along W, whose taps
// lie within a row, then sees the fewest rows.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "nn/upsample3d/upsample3d_kernels.h"
#include "tensor/scratch.h"

namespace primal::cpu {

inline constexpr std::array<size_t, 3> kForwardOrder = {2, 1, 0}, kAdjointOrder = {0, 1, 2};

// Resamples all volumes, axis by axis in the given order; axes that stay as they are cost nothing. A pass
// along an axis is along_axis(axis, outer, inner, in, add, out): it resamples in [outer, n_in, inner] and
// adds the result to out [outer, n_out, inner], or overwrites out with it where `add` is false.
template <class T, class AlongAxis>
void resample_volumes(const Exec& exec, View5<const T> x, const AxisTables<T>& maps,
                      const std::array<size_t, 3>& order, bool add, View5<T> y, const AlongAxis& along_axis) {
  constexpr int64_t kGrain = 1 << 14;  // cells per parallel chunk, at least a volume
  std::array<size_t, 3> axes{};
  size_t n_axes = 0;
  for (size_t axis : order) {
    if (!maps[axis].identity) axes[n_axes++] = axis;
  }
  const int64_t n_in = x.size(2) * x.size(3) * x.size(4), n_out = y.size(2) * y.size(3) * y.size(4);
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max(n_in, n_out));
  // Between two axes a volume has at most the larger of both extents along each.
  constexpr int64_t kCacheLine = 64 / sizeof(T);
  int64_t n_between = 1;
  for (const AxisTable<T>& map : maps) n_between *= std::max(map.n_in, map.n_out);
  n_between = (n_between + kCacheLine - 1) / kCacheLine * kCacheLine;
  const int64_t n_volumes = x.size(0) * x.size(1);
  parallel_for<T>(exec, n_volumes, grain, 2 * n_between, [&](int64_t begin, int64_t end, T* first) {
    T* const second = first + n_between;
    for (int64_t v = begin; v < end; ++v) {
      const T* source = x.data + v * n_in;
      T* result = y.data + v * n_out;
      std::array<int64_t, 3> extent{x.size(2), x.size(3), x.size(4)};
      for (size_t k = 0; k < n_axes; ++k) {
        const bool last = k + 1 == n_axes;
        T* target = last ? result : k == 0 ? first : second;
        int64_t outer = 1, inner = 1;
        for (size_t a = 0; a < axes[k]; ++a) outer *= extent[a];
        for (size_t a = axes[k] + 1; a < 3; ++a) inner *= extent[a];
        along_axis(axes[k], outer, inner, source, add && last, target);
        extent[axes[k]] = maps[axes[k]].n_out;
        source = target;
      }
      if (n_axes == 0) {
        for (int64_t i = 0; i < n_out; ++i) result[i] = add ? result[i] + source[i] : source[i];
      }
    }
  });
}

}  // namespace primal::cpu
