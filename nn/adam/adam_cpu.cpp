#include <algorithm>
#include <cmath>

#include "nn/adam/adam_kernels.h"

namespace primal::cpu {
namespace {

constexpr int64_t kGrain = 1 << 14;  // elements per parallel chunk

template <bool kAmsgrad, class T>
void update(const Exec& exec, const AdamSlot<T>& slot, const AdamFactors<T>& factors) {
  const T* grad = slot.grad.data();
  T *x = slot.x.data(), *m = slot.m.data(), *v = slot.v.data(), *v_max = slot.v_max.data();
  const T step_size = factors.step_size, root = factors.root;
  const T beta1 = factors.beta1, rest1 = factors.rest1, beta2 = factors.beta2, rest2 = factors.rest2;
  const T decay = factors.decay, eps = factors.eps;
  parallel_for(exec, std::ssize(slot.x), kGrain, [=](int64_t begin, int64_t end) {
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
void adam_step(const Exec& exec, std::span<const AdamSlot<T>> slots, const AdamParams& params, int64_t t) {
  const AdamFactors<T> factors(params, t);
  for (const AdamSlot<T>& slot : slots) {
    if (params.amsgrad) {
      update<true>(exec, slot, factors);
    } else {
      update<false>(exec, slot, factors);
    }
  }
}

template void adam_step(const Exec&, std::span<const AdamSlot<float>>, const AdamParams&, int64_t);
template void adam_step(const Exec&, std::span<const AdamSlot<double>>, const AdamParams&, int64_t);

}  // namespace primal::cpu
