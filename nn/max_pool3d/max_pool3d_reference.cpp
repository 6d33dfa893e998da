// One row of outputs at a time, tap by tap: the inner loop then runs along the row without a branch, and the
// compiler turns it into vector code. Taps come in memory order, which settles ties.
#include <algorithm>
#include <limits>

#include "nn/max_pool3d/max_pool3d_kernels.h"

namespace primal::cpu {
namespace {

constexpr int64_t kGrain = 1 << 13;  // outputs per parallel chunk, at least a row

// The cells [begin, end) that a window shares with an axis of n cells.
struct Cells {
  int64_t begin, end;
  Cells(int64_t output, int64_t kernel, int64_t stride, int64_t padding, int64_t n)
      : begin(std::max<int64_t>(output * stride - padding, 0)),
        end(std::min(output * stride - padding + kernel, n)) {}
};

// Tap k of a row: outputs [begin, end) compare their maximum with cell w sw + k - pw of the row x. The step
// is a template argument where it is 1 or 2, so that the loads are plain or an even-odd split.
template <int64_t kStep, bool kWithArgmax, class T>
void take_tap(const T* x, int64_t step, int64_t begin, int64_t end, int32_t first_cell, T* y,
              int32_t* argmax) {
  const int64_t s = kStep > 0 ? kStep : step;
  for (int64_t w = begin; w < end; ++w) {
    const T value = x[w * s];
    const bool wins = (value > y[w]) | (value != value);  // the second: a NaN
    y[w] = wins ? value : y[w];
    if constexpr (kWithArgmax) argmax[w] = wins ? first_cell + static_cast<int32_t>(w * s) : argmax[w];
  }
}

template <bool kWithArgmax, class T>
void take_tap(const T* x, int64_t step, int64_t begin, int64_t end, int32_t first_cell, T* y,
              int32_t* argmax) {
  if (step == 1) return take_tap<1, kWithArgmax>(x, step, begin, end, first_cell, y, argmax);
  if (step == 2) return take_tap<2, kWithArgmax>(x, step, begin, end, first_cell, y, argmax);
  take_tap<0, kWithArgmax>(x, step, begin, end, first_cell, y, argmax);
}

template <bool kWithArgmax, class T>
void pool(const Exec& exec, View5<const T> x, const MaxPool3dParams& params, View5<T> y,
          View5<int32_t> argmax) {
  // Plain variables: clang 14 does not capture structured bindings.
  const auto steps = params.steps();
  const int64_t n_batch = x.size(0), n_channels = x.size(1), n_d = x.size(2), n_h = x.size(3),
                n_w = x.size(4);
  const int64_t kd = params.kernel[0], kh = params.kernel[1], kw = params.kernel[2];
  const int64_t sd = steps[0], sh = steps[1], sw = steps[2];
  const int64_t pd = params.padding[0], ph = params.padding[1], pw = params.padding[2];
  const int64_t out_d = y.size(2), out_h = y.size(3), out_w = y.size(4);
  const int64_t n_rows = n_batch * n_channels * out_d * out_h;

  parallel_for(
      exec, n_rows, std::max<int64_t>(1, kGrain / out_w),
      [&, sw, pw, n_w](int64_t row_begin, int64_t row_end) {
        for (int64_t row = row_begin; row < row_end; ++row) {
          const Cells d(row / out_h % out_d, kd, sd, pd, n_d);
          const Cells h(row % out_h, kh, sh, ph, n_h);
          const T* volume = x.data + row / (out_h * out_d) * (n_d * n_h * n_w);  // x [D,H,W]
          T* best = y.data + row * out_w;
          int32_t* at = kWithArgmax ? argmax.data + row * out_w : nullptr;

          // A window of -inf alone keeps its first cell.
          std::fill_n(best, out_w, -std::numeric_limits<T>::infinity());
          if constexpr (kWithArgmax) {
            for (int64_t w = 0; w < out_w; ++w) {
              at[w] = static_cast<int32_t>((d.begin * n_h + h.begin) * n_w + Cells(w, kw, sw, pw, n_w).begin);
            }
          }
          for (int64_t i = d.begin; i < d.end; ++i) {
            for (int64_t j = h.begin; j < h.end; ++j) {
              for (int64_t k = 0; k < kw; ++k) {
                // Outputs whose cell w sw + k - pw lies in [0, W).
                const int64_t shift = k - pw;
                const int64_t begin = shift < 0 ? (-shift + sw - 1) / sw : 0;
                const int64_t end = shift < n_w ? std::min(out_w, (n_w - 1 - shift) / sw + 1) : 0;
                const int64_t cell = (i * n_h + j) * n_w + shift;
                take_tap<kWithArgmax>(volume + cell, sw, begin, end, static_cast<int32_t>(cell), best, at);
              }
            }
          }
        }
      });
}

template <class T>
void forward(const Exec& exec, View5<const T> x, const MaxPool3dParams& params, View5<T> y,
             View5<int32_t> argmax) {
  if (argmax.data != nullptr) {
    pool<true>(exec, x, params, y, argmax);
  } else {
    pool<false>(exec, x, params, y, argmax);
  }
}

template <class T>
void backward(const Exec& exec, View5<const int32_t> argmax, View5<const T> grad_y, const MaxPool3dParams&,
              View5<T> grad_x) {
  const int64_t n_volumes = grad_x.size(0) * grad_x.size(1);
  const int64_t n_in = grad_x.size(2) * grad_x.size(3) * grad_x.size(4);
  const int64_t n_out = grad_y.size(2) * grad_y.size(3) * grad_y.size(4);
  parallel_for(exec, n_volumes, std::max<int64_t>(1, kGrain / n_out), [&](int64_t begin, int64_t end) {
    for (int64_t v = begin; v < end; ++v) {
      const int32_t* at = argmax.data + v * n_out;
      const T* gy = grad_y.data + v * n_out;  // gy [D',H',W']
      T* gx = grad_x.data + v * n_in;         // gx [D,H,W]
      for (int64_t i = 0; i < n_out; ++i) gx[at[i]] += gy[i];
    }
  });
}

bool anything(const MaxPool3dGeometry&) { return true; }

template <class T>
constexpr MaxPool3dImplementation<T> kReferenceOf{
    {kReference, "a row of outputs at a time, tap by tap"}, anything, {forward<T>, backward<T>}};

}  // namespace

const MaxPool3dImplementation<float> max_pool3d_reference_f32 = kReferenceOf<float>;
const MaxPool3dImplementation<double> max_pool3d_reference_f64 = kReferenceOf<double>;

}  // namespace primal::cpu
