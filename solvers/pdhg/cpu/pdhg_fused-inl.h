// What the vectorised passes of the fused PDHG kernels share, for each instruction set (Highway includes this
// file once per target): vectors, where a pass is, and the order of a wave.
#if defined(PRIMAL_PDHG_FUSED_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef PRIMAL_PDHG_FUSED_INL_H
#undef PRIMAL_PDHG_FUSED_INL_H
#else
#define PRIMAL_PDHG_FUSED_INL_H
#endif

#include <hwy/highway.h>

#include "solvers/pdhg/cpu/pdhg_fused.h"

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::fused::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Vectors of 4, 8 or 16 floats; a block of 16 pixels is one to four of them (or more where vectors are
// shorter).
using Tag = hn::CappedTag<float, kVector>;
using Vec = hn::Vec<Tag>;
using Mask = hn::Mask<Tag>;

// v one lane up, with the last lane of the vector before in its first; `before` becomes what the next vector
// needs.
HWY_INLINE Vec shift_in(Tag d, Vec v, Vec& before) {
  HWY_ALIGN int32_t lanes[kVector];
  const auto n = static_cast<int32_t>(hn::Lanes(d));
  for (int32_t i = 0; i < n; ++i) lanes[i] = (i + n - 1) % n;
  const Vec turned = hn::TableLookupLanes(v, hn::SetTableIndices(d, lanes));
  const Vec shifted = hn::IfThenElse(hn::FirstN(d, 1), before, turned);
  before = turned;
  return shifted;
}

// The mask bits of the vector at pixel `u` of a block, to and from the 16 bits of a code word. Two bytes
// whose order in memory is that of the pixels.
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

// Where a pass works: the slab of a strip, the line of the slab, and the iteration.
template <class Job>
struct PlaceOf {
  const Job& job;
  const Strip& strip;
  int64_t slab, line, k;

  float* field(int64_t f) const { return strip.field(slab, line, f); }
  bool own() const { return strip.owns(slab); }
  Slabs::Row row() const { return job.slabs.row(strip.volume, strip.global(slab), line); }
};

// n iterations on a strip as one wave: take(slab, i, with_b) is iteration i of them on one slab. Before it,
// slabs [margin + i, n_local - margin - i) are valid; pass A needs the slab after, pass B the slab before.
template <class Take>
HWY_INLINE void wave(const Strip& strip, int64_t n, int64_t margin, const Take& take) {
  for (int64_t front = 0; front < strip.n_local() + n; ++front) {
    for (int64_t i = 0; i < n; ++i) {
      const int64_t slab = front - i, begin = margin + i, end = strip.n_local() - margin - i - 1;
      if (slab >= begin && slab < end) take(slab, i, slab > begin);
    }
  }
}

}  // namespace primal::cpu::fused::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // PRIMAL_PDHG_FUSED_INL_H
