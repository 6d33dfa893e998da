#include "data/metrics/metrics_kernels.h"

namespace primal::cpu {
namespace {

// In chunks of a fixed size.
template <class T>
void squares(const Exec& exec, std::span<const T> a, std::span<const T> b, double* sum) {
  constexpr int64_t kGrain = 1 << 14;  // elements in a chunk
  const T *va = a.data(), *vb = b.data();
  *sum = parallel_sum(exec, std::ssize(a), kGrain, [&](int64_t begin, int64_t end) {
    double part = 0.0;
    for (int64_t i = begin; i < end; ++i) {
      const double difference = static_cast<double>(va[i]) - static_cast<double>(vb[i]);
      part += difference * difference;
    }
    return part;
  });
}

template <class T>
void ssim(const Exec&, View<const T, 2> a, View<const T, 2> b, const SsimWindow& window, double* result) {
  const int64_t H = a.size(0), W = a.size(1), r = window.radius();
  const double* const w = window.w.data() + r;
  double sum = 0.0;
  for (int64_t y = r; y < H - r; ++y) {
    for (int64_t x = r; x < W - r; ++x) {
      SsimMoments m;
      for (int64_t i = -r; i <= r; ++i) {
        for (int64_t j = -r; j <= r; ++j) {
          const double weight = w[i] * w[j];
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

template <class T>
constexpr MetricsImplementation<T> kReferenceOf{
    {kReference, "each window by itself"}, any_size, {squares<T>, ssim<T>}};

}  // namespace

const MetricsImplementation<float> metrics_reference_f32 = kReferenceOf<float>;
const MetricsImplementation<double> metrics_reference_f64 = kReferenceOf<double>;

}  // namespace primal::cpu
