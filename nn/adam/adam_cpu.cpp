#include <algorithm>
#include <cmath>

#include "nn/adam/adam_kernels.h"

namespace primal::cpu {
namespace {

constexpr int64_t kGrain = 1 << 14;  // elements per parallel chunk

template <bool kAmsgrad, class T>
void update(const Exec& exec, const T* grad, const AdamParams& params, int64_t t, int64_t n, T* x, T* m, T* v,
            T* v_max) {
  const auto steps = static_cast<double>(t);
  const T step_size = static_cast<T>(params.lr / (1.0 - std::pow(params.beta1, steps)));
  const T root = static_cast<T>(std::sqrt(1.0 - std::pow(params.beta2, steps)));
  const T beta1 = static_cast<T>(params.beta1), rest1 = static_cast<T>(1.0 - params.beta1);
  const T beta2 = static_cast<T>(params.beta2), rest2 = static_cast<T>(1.0 - params.beta2);
  const T decay = static_cast<T>(params.weight_decay), eps = static_cast<T>(params.eps);
  parallel_for(exec, n, kGrain, [=](int64_t begin, int64_t end) {
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) {
      const T g = grad[i] + decay * x[i];
      m[i] = beta1 * m[i] + rest1 * g;
      v[i] = beta2 * v[i] + rest2 * g * g;
      T second = v[i];
      if constexpr (kAmsgrad) second = v_max[i] = v_max[i] > second ? v_max[i] : second;
      x[i] -= step_size * m[i] / (std::sqrt(second) / root + eps);
    }
  });
}

}  // namespace

template <class T>
void adam_step(const Exec& exec, std::span<const T> grad, const AdamParams& params, int64_t t, std::span<T> x,
               std::span<T> m, std::span<T> v, std::span<T> v_max) {
  if (params.amsgrad) {
    update<true>(exec, grad.data(), params, t, std::ssize(x), x.data(), m.data(), v.data(), v_max.data());
  } else {
    update<false, T>(exec, grad.data(), params, t, std::ssize(x), x.data(), m.data(), v.data(), nullptr);
  }
}

template void adam_step(const Exec&, std::span<const float>, const AdamParams&, int64_t, std::span<float>,
                        std::span<float>, std::span<float>, std::span<float>);
template void adam_step(const Exec&, std::span<const double>, const AdamParams&, int64_t, std::span<double>,
                        std::span<double>, std::span<double>, std::span<double>);

}  // namespace primal::cpu
