// One axis after the other, volume by volume, so that what lies between two axes stays in cache. Forward goes
// W, H, D and the adjoint D, H, W: the pass along W, whose taps lie within a row, then sees the fewest rows.
#include <algorithm>

#include "nn/upsample3d/upsample3d_kernels.h"

namespace primal::cpu {
namespace {

constexpr int64_t kGrain = 1 << 14;  // cells per parallel chunk, at least a volume

// One pair of taps: out[i] = (or +=) w0[i] in[i0[i]] + w1[i] in[i1[i]] for one row.
template <bool kAdd, class T>
void resample_row(int64_t n, const int32_t* i0, const int32_t* i1, const T* w0, const T* w1, const T* in,
                  T* out) {
  for (int64_t i = 0; i < n; ++i) {
    const T pair = w0[i] * in[i0[i]] + w1[i] * in[i1[i]];
    out[i] = kAdd ? out[i] + pair : pair;
  }
}

// out [n_out] from in [n_in]: the taps lie within a row.
template <class T>
void resample_row(const AxisTable<T>& map, const T* in, bool add, T* out) {
  const int64_t n = map.n_out;
  for (int64_t t = 0; t < map.n_taps; t += 2) {
    const int32_t* i0 = map.index.data() + t * n;
    const T* w0 = map.weight.data() + t * n;
    if (add || t > 0) {
      resample_row<true>(n, i0, i0 + n, w0, w0 + n, in, out);
    } else {
      resample_row<false>(n, i0, i0 + n, w0, w0 + n, in, out);
    }
  }
}

// out = (or +=) w0 a + w1 b for rows of n values.
template <bool kAdd, class T>
void combine_rows(int64_t n, T w0, const T* a, T w1, const T* b, T* out) {
  for (int64_t k = 0; k < n; ++k) out[k] = kAdd ? out[k] + (w0 * a[k] + w1 * b[k]) : w0 * a[k] + w1 * b[k];
}

// out [n_out, inner] from in [n_in, inner]: what is resampled are whole rows.
template <class T>
void resample_rows(const AxisTable<T>& map, int64_t inner, const T* in, bool add, T* out) {
  for (int64_t i = 0; i < map.n_out; ++i) {
    T* row = out + i * inner;
    for (int64_t t = 0; t < map.n_taps; t += 2) {
      const auto k0 = static_cast<size_t>(t * map.n_out + i), k1 = k0 + static_cast<size_t>(map.n_out);
      const T w0 = map.weight[k0], w1 = map.weight[k1];
      const T *a = in + map.index[k0] * inner, *b = in + map.index[k1] * inner;
      if (!add && t == 0) {
        combine_rows<false>(inner, w0, a, w1, b, row);
      } else if (w0 != T(0)) {  // else this output has no more taps
        combine_rows<true>(inner, w0, a, w1, b, row);
      }
    }
  }
}

// in [outer, n_in, inner] -> out [outer, n_out, inner]
template <class T>
void resample_axis(const AxisTable<T>& map, int64_t outer, int64_t inner, const T* in, bool add, T* out) {
  for (int64_t o = 0; o < outer; ++o) {
    const T* source = in + o * map.n_in * inner;
    T* target = out + o * map.n_out * inner;
    if (inner == 1) {
      resample_row(map, source, add, target);
    } else {
      resample_rows(map, inner, source, add, target);
    }
  }
}

// All volumes, axis by axis in the given order; axes that stay as they are cost nothing.
template <class T>
void resample(const Exec& exec, View5<const T> x, const AxisTables<T>& maps, std::array<int, 3> order,
              bool add, View5<T> y) {
  std::vector<size_t> axes;
  for (int axis : order) {
    if (!maps[static_cast<size_t>(axis)].identity) axes.push_back(static_cast<size_t>(axis));
  }
  const int64_t n_in = x.size(2) * x.size(3) * x.size(4), n_out = y.size(2) * y.size(3) * y.size(4);
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max(n_in, n_out));
  parallel_for(exec, x.size(0) * x.size(1), grain, [&](int64_t begin, int64_t end) {
    // Between two axes a volume has at most the larger of both extents along each.
    int64_t n_between = 1;
    for (const AxisTable<T>& map : maps) n_between *= std::max(map.n_in, map.n_out);
    const Scratch first(static_cast<size_t>(n_between) * sizeof(T)),
        second(static_cast<size_t>(n_between) * sizeof(T));
    for (int64_t v = begin; v < end; ++v) {
      const T* source = x.data + v * n_in;
      T* result = y.data + v * n_out;
      std::array<int64_t, 3> extent{x.size(2), x.size(3), x.size(4)};
      for (size_t k = 0; k < axes.size(); ++k) {
        const AxisTable<T>& map = maps[axes[k]];
        const bool last = k + 1 == axes.size();
        T* target = last ? result : (k == 0 ? first : second).template as<T>();
        int64_t outer = 1, inner = 1;
        for (size_t a = 0; a < axes[k]; ++a) outer *= extent[a];
        for (size_t a = axes[k] + 1; a < 3; ++a) inner *= extent[a];
        resample_axis(map, outer, inner, source, add && last, target);
        extent[axes[k]] = map.n_out;
        source = target;
      }
      if (axes.empty()) {
        for (int64_t i = 0; i < n_out; ++i) result[i] = add ? result[i] + source[i] : source[i];
      }
    }
  });
}

}  // namespace

template <class T>
void upsample3d_forward(const Exec& exec, View5<const T> x, const AxisTables<T>& maps, View5<T> y) {
  resample(exec, x, maps, {2, 1, 0}, false, y);
}

template <class T>
void upsample3d_backward(const Exec& exec, View5<const T> grad_y, const AxisTables<T>& transposes,
                         View5<T> grad_x) {
  resample(exec, grad_y, transposes, {0, 1, 2}, true, grad_x);
}

template void upsample3d_forward(const Exec&, View5<const float>, const AxisTables<float>&, View5<float>);
template void upsample3d_forward(const Exec&, View5<const double>, const AxisTables<double>&, View5<double>);
template void upsample3d_backward(const Exec&, View5<const float>, const AxisTables<float>&, View5<float>);
template void upsample3d_backward(const Exec&, View5<const double>, const AxisTables<double>&, View5<double>);

}  // namespace primal::cpu
