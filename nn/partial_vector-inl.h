// Vectors at the end of a row, where fewer numbers are left than a vector has, for each instruction set (Highway includes this
// file once per target).
#if defined(PRIMAL_NN_PARTIAL_VECTOR_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef PRIMAL_NN_PARTIAL_VECTOR_INL_H
#undef PRIMAL_NN_PARTIAL_VECTOR_INL_H
#else
#define PRIMAL_NN_PARTIAL_VECTOR_INL_H
#endif

#include <algorithm>
#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The first n numbers there, or as many as a vector has; zeros behind them.
HWY_INLINE hn::Vec<hn::ScalableTag<float>> get(const float* from, int64_t n) {
  const hn::ScalableTag<float> tag;
  constexpr int64_t kLanes = hn::MaxLanes(tag);
  if (n >= kLanes) return hn::LoadU(tag, from);
  HWY_ALIGN float rest[kLanes] = {};
  std::copy_n(from, n, rest);
  return hn::Load(tag, rest);
}

// Its first n numbers go there.
HWY_INLINE void put(hn::Vec<hn::ScalableTag<float>> v, int64_t n, float* to) {
  const hn::ScalableTag<float> tag;
  constexpr int64_t kLanes = hn::MaxLanes(tag);
  if (n >= kLanes) return hn::StoreU(v, tag, to);
  HWY_ALIGN float rest[kLanes];
  hn::Store(v, tag, rest);
  std::copy_n(rest, n, to);
}

}  // namespace primal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
