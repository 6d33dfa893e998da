#include "data/metrics/metrics_kernels.h"

namespace primal::cpu {

template <class T>
double ssim_sum_windows(const Exec&, View<const T, 2> a, View<const T, 2> b, const SsimWindow& window) {
  const int64_t H = a.size(0), W = a.size(1), r = window.radius();
  double sum = 0.0;
  for (int64_t y = r; y < H - r; ++y) {
    for (int64_t x = r; x < W - r; ++x) {
      SsimMoments m;
      for (int64_t i = -r; i <= r; ++i) {
        for (int64_t j = -r; j <= r; ++j) {
          const double weight = window.w[static_cast<size_t>(i + r)] * window.w[static_cast<size_t>(j + r)];
          const double va = a(y + i, x + j), vb = b(y + i, x + j);
          m.a += weight * va;
          m.b += weight * vb;
          m.squares += weight * (va * va + vb * vb);
          m.product += weight * (va * vb);
        }
      }
      sum += ssim_of(m, window);
    }
  }
  return sum;
}

template double ssim_sum_windows(const Exec&, View<const float, 2>, View<const float, 2>, const SsimWindow&);
template double ssim_sum_windows(const Exec&, View<const double, 2>, View<const double, 2>,
                                 const SsimWindow&);

}  // namespace primal::cpu
