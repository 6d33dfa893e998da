// How the fused kernels copy the pixels they read, for each instruction set (Highway includes
// this file once per target).
#if defined(PRIMAL_NN_CONV3D_MASK_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef PRIMAL_NN_CONV3D_MASK_INL_H
#undef PRIMAL_NN_CONV3D_MASK_INL_H
#else
#define PRIMAL_NN_CONV3D_MASK_INL_H
#endif

#include <cstdint>
#include <cstring>

#include "hwy/highway.h"
#include "nn/conv3d/conv3d_channel_parts.h"

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::HWY_NAMESPACE {

struct CopyPixels {
  void operator()(const float* from, int64_t n, float* to) const {
    std::memcpy(to, from, sizeof(float) * static_cast<size_t>(n));
  }
};

// to = from where y > 0, else slope from; a plain copy where there is no y.
struct CopyMasked {
  const MaskedGradient<float>& gradient;

  HWY_NOINLINE void operator()(const float* HWY_RESTRICT from, int64_t n, float* HWY_RESTRICT to) const {
    namespace hn = hwy::HWY_NAMESPACE;
    const float* HWY_RESTRICT y = gradient.mask_of(from);
    if (y == nullptr) return CopyPixels()(from, n, to);
    const hn::ScalableTag<float> tag;
    const auto slope = hn::Set(tag, gradient.slope), zero = hn::Zero(tag);
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(tag));
    int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
      const auto v = hn::LoadU(tag, from + i);
      hn::StoreU(hn::IfThenElse(hn::Gt(hn::LoadU(tag, y + i), zero), v, hn::Mul(slope, v)), tag, to + i);
    }
    for (; i < n; ++i) to[i] = y[i] > 0.0f ? from[i] : gradient.slope * from[i];
  }
};

}  // namespace primal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
