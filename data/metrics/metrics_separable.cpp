// SSIM with the window applied along columns, then along rows. For one row of results the four moments of
// each column are summed over 2 r + 1 rows (along memory, so the compiler vectorises them), then 2 r + 1
// neighbouring columns are summed.
#include <vector>

#include "data/metrics/metrics_kernels.h"

namespace primal::cpu {
namespace {

constexpr int64_t kBand = 16;  // rows of results in a parallel chunk

// out[x] = sum_k w[k] in[x + k]
void sum_neighbours(const double* in, std::span<const double> w, int64_t n, double* out) {
  for (int64_t x = 0; x < n; ++x) out[x] = w[0] * in[x];
  for (size_t k = 1; k < w.size(); ++k) {
    for (int64_t x = 0; x < n; ++x) out[x] += w[k] * in[x + static_cast<int64_t>(k)];
  }
}

template <class T>
void ssim_by_columns(const Exec& exec, View<const T, 2> a, View<const T, 2> b, const SsimWindow& window,
                     double* result) {
  const int64_t H = a.size(0), W = a.size(1), r = window.radius();
  const int64_t width = W - 2 * r;  // of the results
  *result = parallel_sum(exec, H - 2 * r, kBand, [&](int64_t begin, int64_t end) {
    // columns [4, W] and rows [4, width]: mean of a, mean of b, squares, product
    std::vector<double> columns(static_cast<size_t>(4 * W)), rows(static_cast<size_t>(4 * width));
    double sum = 0.0;
    for (int64_t y = begin; y < end; ++y) {
      std::fill(columns.begin(), columns.end(), 0.0);
      double* ca = columns.data();
      double *cb = ca + W, *squares = cb + W, *product = squares + W;
      for (int64_t i = 0; i <= 2 * r; ++i) {
        const T* row_a = &a(y + i, 0);
        const T* row_b = &b(y + i, 0);
        const double weight = window.w[static_cast<size_t>(i)];
        for (int64_t x = 0; x < W; ++x) {
          const double va = row_a[x], vb = row_b[x];
          ca[x] += weight * va;
          cb[x] += weight * vb;
          squares[x] += weight * (va * va + vb * vb);
          product[x] += weight * (va * vb);
        }
      }
      for (int64_t map = 0; map < 4; ++map) {
        sum_neighbours(columns.data() + map * W, window.w, width, rows.data() + map * width);
      }
      const double* m = rows.data();
      for (int64_t x = 0; x < width; ++x) {
        sum += ssim_of({m[x], m[width + x], m[2 * width + x], m[3 * width + x]}, window.constants);
      }
    }
    return sum;
  });
}

void squares(const Exec& exec, std::span<const float> a, std::span<const float> b, double* sum) {
  metrics_reference_f32.kernels.squares(exec, a, b, sum);
}
void squares(const Exec& exec, std::span<const double> a, std::span<const double> b, double* sum) {
  metrics_reference_f64.kernels.squares(exec, a, b, sum);
}

template <class T>
constexpr MetricsImplementation<T> kSeparable{
    {"separable", "columns, then rows: 28 terms a pixel for the 7 x 7 window, not 98"},
    any_size,
    {squares, ssim_by_columns<T>}};

}  // namespace

const MetricsImplementation<float> metrics_separable_f32 = kSeparable<float>;
const MetricsImplementation<double> metrics_separable_f64 = kSeparable<double>;

}  // namespace primal::cpu
