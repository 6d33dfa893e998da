#include "data/metrics/metrics_kernels.h"

namespace primal::cpu {

template <class T>
void squared_difference(const Exec& exec, std::span<const T> a, std::span<const T> b, double* sum) {
  constexpr int64_t kGrain = 1 << 14;  // elements in a chunk
  const T *va = a.data(), *vb = b.data();
  *sum = parallel_sum(exec, static_cast<int64_t>(a.size()), kGrain, [&](int64_t begin, int64_t end) {
    double part = 0.0;
    for (int64_t i = begin; i < end; ++i) {
      const double difference = static_cast<double>(va[i]) - static_cast<double>(vb[i]);
      part += difference * difference;
    }
    return part;
  });
}

template <class T>
void ssim_windows(const Exec&, View<const T, 2> a, View<const T, 2> b, const SsimWindow& window,
                  double* result) {
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
      sum += ssim_of(m, window.constants);
    }
  }
  *result = sum;
}

#define PRIMAL_INSTANTIATE(T)                                                                     \
  template void squared_difference(const Exec&, std::span<const T>, std::span<const T>, double*); \
  template void ssim_windows(const Exec&, View<const T, 2>, View<const T, 2>, const SsimWindow&, double*);
PRIMAL_INSTANTIATE(float)
PRIMAL_INSTANTIATE(double)
#undef PRIMAL_INSTANTIATE

}  // namespace primal::cpu
