// Vector helpers of the fused PDHG kernels, compiled once per instruction set (no include guard in the usual form).
#if defined(PRIMAL_PDHG_FUSED_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef PRIMAL_PDHG_FUSED_INL_H
#undef PRIMAL_PDHG_FUSED_INL_H
#else
#define PRIMAL_PDHG_FUSED_INL_H
#endif

#include <hwy/highway.h>

#include "solvers/pdhg/pdhg_fused.h"

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::fused::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Vectors of 4, 8 or 16 floats; a block of 16 pixels is one to four of them (or more where vectors are shorter).
using Tag = hn::CappedTag<float, kVector>;
using Vec = hn::Vec<Tag>;
using Mask = hn::Mask<Tag>;

// v one lane up, with the last lane of the vector before in its first; `before` becomes what the next vector needs.
HWY_INLINE Vec shift_in(Tag d, Vec v, Vec& before) {
  HWY_ALIGN int32_t lanes[kVector];
  const auto n = static_cast<int32_t>(hn::Lanes(d));
  for (int32_t i = 0; i < n; ++i) lanes[i] = (i + n - 1) % n;
  const Vec turned = hn::TableLookupLanes(v, hn::SetTableIndices(d, lanes));
  const Vec shifted = hn::IfThenElse(hn::FirstN(d, 1), before, turned);
  before = turned;
  return shifted;
}

// The mask bits of the vector at pixel `u` of a block, to and from the 16 bits of a code word. Two bytes whose order in
// memory is that of the pixels.
HWY_INLINE void store_bits(Tag d, Mask mask, uint16_t* bits, size_t u) {
  auto* bytes = reinterpret_cast<uint8_t*>(bits);
  if (hn::Lanes(d) >= 8) {
    hn::StoreMaskBits(d, mask, bytes + u / 8);
  } else {
    uint8_t few[8];
    hn::StoreMaskBits(d, mask, few);
    if (u % 8 == 0) bytes[u / 8] = 0;
    bytes[u / 8] = static_cast<uint8_t>(bytes[u / 8] | few[0] << (u % 8));
  }
}

HWY_INLINE Mask load_bits(Tag d, const uint16_t* bits, size_t u) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(bits);
  if (hn::Lanes(d) >= 8) return hn::LoadMaskBits(d, bytes + u / 8);
  const uint8_t few[8] = {static_cast<uint8_t>(bytes[u / 8] >> (u % 8))};
  return hn::LoadMaskBits(d, few);
}

}  // namespace primal::cpu::fused::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // PRIMAL_PDHG_FUSED_INL_H
