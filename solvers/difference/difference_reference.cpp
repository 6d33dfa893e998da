// The reference: one loop over the rows of the result, gathering from the neighbouring row or the
// neighbouring element.
#include <algorithm>

#include "solvers/difference/difference_kernels.h"

namespace primal::cpu {
namespace {

// How a row [W] of the result is stored: written, or added to what is there.
struct Write {
  template <class T>
  static void put(T& to, T value) {
    to = value;
  }
};
struct Add {
  template <class T>
  static void put(T& to, T value) {
    to += value;
  }
};

int64_t rows_per_chunk(int64_t width) { return std::max<int64_t>(1, 16384 / std::max<int64_t>(width, 1)); }

// The row of `v` one step along axis 2 or 3 from row (n,c,d,h), `step` +1 or -1, periodic.
template <class T>
const T* neighbour_row(View5<const T> v, int64_t n, int64_t c, int64_t d, int64_t h, int axis, int64_t step) {
  const int64_t D = v.size(2), H = v.size(3);
  if (axis == 2) d = (d + step + D) % D;
  if (axis == 3) h = (h + step + H) % H;
  return &v(n, c, d, h, 0);
}

template <class Store, class T>
void differences(const Exec& exec, View5<const T> x, const Axes& axes, View5<T> y) {
  const int64_t D = y.size(2), H = y.size(3), W = y.size(4);
  parallel_for(exec, y.size(0) * D * H, rows_per_chunk(W), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const int64_t n = r / (D * H), d = r / H % D, h = r % H;
      const T* here = &x(n, 0, d, h, 0);
      for (int a = 0; a < axes.count(); ++a) {
        T* out = &y(n, a, d, h, 0);
        if (axes[a] == 4) {
          for (int64_t w = 0; w + 1 < W; ++w) Store::put(out[w], here[w + 1] - here[w]);
          Store::put(out[W - 1], here[0] - here[W - 1]);
        } else {
          const T* next = neighbour_row(x, n, 0, d, h, axes[a], +1);
          for (int64_t w = 0; w < W; ++w) Store::put(out[w], next[w] - here[w]);
        }
      }
    }
  });
}

template <class Store, class T>
void adjoint_differences(const Exec& exec, View5<const T> q, const Axes& axes, View5<T> y) {
  const int64_t D = y.size(2), H = y.size(3), W = y.size(4);
  parallel_for(exec, y.size(0) * D * H, rows_per_chunk(W), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const int64_t n = r / (D * H), d = r / H % D, h = r % H;
      T* out = &y(n, 0, d, h, 0);
      for (int a = 0; a < axes.count(); ++a) {
        const T* here = &q(n, a, d, h, 0);
        const auto put = [&](int64_t w, T value) {
          if (a == 0)
            Store::put(out[w], value);
          else
            out[w] += value;
        };
        if (axes[a] == 4) {
          put(0, here[W - 1] - here[0]);
          for (int64_t w = 1; w < W; ++w) put(w, here[w - 1] - here[w]);
        } else {
          const T* before = neighbour_row(q, n, a, d, h, axes[a], -1);
          for (int64_t w = 0; w < W; ++w) put(w, before[w] - here[w]);
        }
      }
    }
  });
}

template <class T>
constexpr DifferenceImplementation<T> kReferenceOf{
    {kReference, "one pass over the rows, neighbours gathered"},
    nullptr,
    {differences<Write, T>, differences<Add, T>, adjoint_differences<Write, T>, adjoint_differences<Add, T>}};

}  // namespace

const DifferenceImplementation<float> difference_reference_f32 = kReferenceOf<float>;
const DifferenceImplementation<double> difference_reference_f64 = kReferenceOf<double>;

}  // namespace primal::cpu
