// Vectors of floats, for each instruction set (Highway includes this file once per target): their type,
// how many lanes they have, and how they are read and written at the end of a row, where fewer numbers
// are left than a vector has.
#if defined(PRIMAL_NN_FLOAT_VECTOR_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef PRIMAL_NN_FLOAT_VECTOR_INL_H
#undef PRIMAL_NN_FLOAT_VECTOR_INL_H
#else
#define PRIMAL_NN_FLOAT_VECTOR_INL_H
#endif

#include <algorithm>
#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::ScalableTag<float>;
using Vector = hn::Vec<Tag>;
constexpr int64_t kLanes = hn::MaxLanes(Tag());
constexpr bool kManyRegisters = HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64;  // 32 of vectors, else 16

// The first n numbers there, or as many as a vector has; zeros behind them.
HWY_INLINE Vector get(const float* from, int64_t n) {
  const Tag tag;
  if (n >= kLanes) return hn::LoadU(tag, from);
  HWY_ALIGN float rest[kLanes] = {};
  std::copy_n(from, n, rest);
  return hn::Load(tag, rest);
}

// Its first n numbers go there.
HWY_INLINE void put(Vector v, int64_t n, float* to) {
  const Tag tag;
  if (n >= kLanes) return hn::StoreU(v, tag, to);
  HWY_ALIGN float rest[kLanes];
  hn::Store(v, tag, rest);
  std::copy_n(rest, n, to);
}

}  // namespace primal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
