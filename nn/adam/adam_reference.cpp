#include <algorithm>
#include <cmath>

#include "nn/adam/adam_kernels.h"

namespace primal::cpu {
namespace {

constexpr int64_t kGrain = 1 << 14;  // elements per parallel chunk

// Elements [begin, end) of a parameter. The factors come by value: nothing that is stored can change them,
// so they stay in registers.
template <bool kAmsgrad, class T>
void update(const AdamSlot<T>& slot, const AdamFactors<T> factors, int64_t begin, int64_t end) {
  const T* grad = slot.grad.data();
  T *x = slot.x.data(), *m = slot.m.data(), *v = slot.v.data(), *v_max = slot.v_max.data();
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) {
    const T g = grad[i] + factors.decay * x[i];
    m[i] = factors.beta1 * m[i] + factors.rest1 * g;
    v[i] = factors.beta2 * v[i] + factors.rest2 * g * g;
    T second = v[i];
    if constexpr (kAmsgrad) second = v_max[i] = v_max[i] > second ? v_max[i] : second;
    x[i] -= factors.step_size * m[i] / (std::sqrt(second) / factors.root + factors.eps);
  }
}

template <class T>
void step_with(const Exec& exec, std::span<const AdamSlot<T>> slots, const AdamParams& params,
               const AdamFactors<T>& factors) {
  for (const AdamSlot<T>& slot : slots) {
    parallel_for(exec, std::ssize(slot.x), kGrain, [&](int64_t begin, int64_t end) {
      if (params.amsgrad) {
        update<true>(slot, factors, begin, end);
      } else {
        update<false>(slot, factors, begin, end);
      }
    });
  }
}

template <class T>
void step(const Exec& exec, std::span<const AdamSlot<T>> slots, const AdamParams& params, int64_t t) {
  step_with(exec, slots, params, AdamFactors<T>(params, t));
}

template <class T>
void step_now(const Exec& exec, std::span<const AdamSlot<T>> slots, const AdamParams& params,
              const AdamNow& now) {
  if (now.skip[0] != 0) return;
  step_with(exec, slots, params, AdamFactors<T>(params, {now.factors[0], now.factors[1]}));
}

template <class T>
constexpr AdamImplementation<T> kReferenceOf{
    {kReference, "one pass over value, gradient and moments"}, nullptr, {step<T>, step_now<T>}};

}  // namespace

const AdamImplementation<float> adam_reference_f32 = kReferenceOf<float>;
const AdamImplementation<double> adam_reference_f64 = kReferenceOf<double>;

}  // namespace primal::cpu
