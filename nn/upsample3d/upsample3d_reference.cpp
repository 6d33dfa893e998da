// The passes of upsample3d_passes.h as plain loops over pairs of taps.
#include "nn/upsample3d/upsample3d_kernels.h"
#include "nn/upsample3d/upsample3d_passes.h"

namespace primal::cpu {
namespace {

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

// out [n_out, inner] from in [n_in, inner]: whole rows are combined.
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

// The passes, for resample_volumes.
template <class T>
auto along_axis_of(const AxisTables<T>& maps) {
  return [&maps](size_t axis, int64_t outer, int64_t inner, const T* in, bool add, T* out) {
    const AxisTable<T>& map = maps[axis];
    for (int64_t o = 0; o < outer; ++o) {
      const T* source = in + o * map.n_in * inner;
      T* target = out + o * map.n_out * inner;
      if (inner == 1) {
        resample_row(map, source, add, target);
      } else {
        resample_rows(map, inner, source, add, target);
      }
    }
  };
}

template <class T>
void forward(const Exec& exec, View5<const T> x, const AxisTables<T>& maps, View5<T> y) {
  resample_volumes(exec, x, maps, kForwardOrder, false, y, along_axis_of(maps));
}

template <class T>
void backward(const Exec& exec, View5<const T> grad_y, const AxisTables<T>& transposes, bool add,
              View5<T> grad_x) {
  resample_volumes(exec, grad_y, transposes, kAdjointOrder, add, grad_x, along_axis_of(transposes));
}

bool anything(const Upsample3dGeometry&) { return true; }

template <class T>
constexpr Upsample3dImplementation<T> kReferenceOf{
    {kReference, "one axis after the other, volume by volume"}, anything, {forward<T>, backward<T>}};

}  // namespace

const Upsample3dImplementation<float> upsample3d_reference_f32 = kReferenceOf<float>;
const Upsample3dImplementation<double> upsample3d_reference_f64 = kReferenceOf<double>;

}  // namespace primal::cpu
