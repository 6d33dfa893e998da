#include "apps/profile/roof_kernels.h"

#include "tensor/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "apps/profile/roof_kernels.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::ScalableTag<float>;
using Vec = hn::Vec<Tag>;

// Twelve chains hide four cycles of latency on three ports; with a and b they stay in sixteen registers.
double fma(int64_t n, float* sink) {
  constexpr int kChains = 12;
  const Tag d;
  const Vec a = hn::Set(d, 0.999f), b = hn::Set(d, 0.001f);
  Vec x0 = hn::Set(d, 0.0f), x1 = hn::Set(d, 0.1f), x2 = hn::Set(d, 0.2f), x3 = hn::Set(d, 0.3f);
  Vec x4 = hn::Set(d, 0.4f), x5 = hn::Set(d, 0.5f), x6 = hn::Set(d, 0.6f), x7 = hn::Set(d, 0.7f);
  Vec x8 = hn::Set(d, 0.8f), x9 = hn::Set(d, 0.9f), xa = hn::Set(d, 1.1f), xb = hn::Set(d, 1.2f);
  for (int64_t i = 0; i < n; ++i) {
    x0 = hn::MulAdd(x0, a, b), x1 = hn::MulAdd(x1, a, b), x2 = hn::MulAdd(x2, a, b);
    x3 = hn::MulAdd(x3, a, b), x4 = hn::MulAdd(x4, a, b), x5 = hn::MulAdd(x5, a, b);
    x6 = hn::MulAdd(x6, a, b), x7 = hn::MulAdd(x7, a, b), x8 = hn::MulAdd(x8, a, b);
    x9 = hn::MulAdd(x9, a, b), xa = hn::MulAdd(xa, a, b), xb = hn::MulAdd(xb, a, b);
  }
  const Vec low = hn::Add(hn::Add(hn::Add(x0, x1), hn::Add(x2, x3)), hn::Add(x4, x5));
  const Vec high = hn::Add(hn::Add(hn::Add(x6, x7), hn::Add(x8, x9)), hn::Add(xa, xb));
  hn::StoreU(hn::Add(low, high), d, sink);
  return 2.0 * kChains * static_cast<double>(hn::Lanes(d)) * static_cast<double>(n);
}

void read(const float* HWY_RESTRICT from, int64_t n, int64_t rounds, float* sink) {
  const Tag d;
  const auto step = static_cast<int64_t>(hn::Lanes(d));
  Vec s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  for (int64_t round = 0; round < rounds; ++round) {
    for (int64_t i = 0; i < n; i += 4 * step) {
      s0 = hn::Add(s0, hn::Load(d, from + i)), s1 = hn::Add(s1, hn::Load(d, from + i + step));
      s2 = hn::Add(s2, hn::Load(d, from + i + 2 * step)), s3 = hn::Add(s3, hn::Load(d, from + i + 3 * step));
    }
  }
  hn::StoreU(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), d, sink);
}

void copy(const float* HWY_RESTRICT from, float* HWY_RESTRICT to, int64_t n, int64_t rounds) {
  const Tag d;
  const auto step = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t round = 0; round < rounds; ++round) {
    for (int64_t i = 0; i < n; i += 2 * step) {
      const Vec a = hn::Load(d, from + i), b = hn::Load(d, from + i + step);
      hn::Store(a, d, to + i);
      hn::Store(b, d, to + i + step);
    }
  }
}

}  // namespace primal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace primal::cpu {

HWY_EXPORT(fma);
HWY_EXPORT(read);
HWY_EXPORT(copy);

double roof_fma(int64_t n, float* sink) { return HWY_DYNAMIC_DISPATCH(fma)(n, sink); }

void roof_read(const float* from, int64_t n, int64_t rounds, float* sink) {
  HWY_DYNAMIC_DISPATCH(read)(from, n, rounds, sink);
}

void roof_copy(const float* from, float* to, int64_t n, int64_t rounds) {
  // One round a call: a compiler could see that a second one writes the same.
  for (int64_t round = 0; round < rounds; ++round) HWY_DYNAMIC_DISPATCH(copy)(from, to, n, 1);
}

}  // namespace primal::cpu
#endif
