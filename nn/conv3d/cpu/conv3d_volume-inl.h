// How conv3d_winograd_volume reads rows of a volume and transforms weights, for each instruction set (Highway
// includes this file once per target).
#if defined(PRIMAL_NN_CONV3D_VOLUME_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef PRIMAL_NN_CONV3D_VOLUME_INL_H
#undef PRIMAL_NN_CONV3D_VOLUME_INL_H
#else
#define PRIMAL_NN_CONV3D_VOLUME_INL_H
#endif

#include "nn/conv3d/conv3d_channel_parts.h"
#include "nn/conv3d/cpu/conv3d_volume.h"
#include "nn/conv3d/cpu/conv3d_winograd-inl.h"
#include "nn/float_vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::HWY_NAMESPACE {

// The first n numbers there, zeros behind them.
HWY_INLINE Vector read_first(const float* at, int64_t n) {
#if HWY_TARGET <= HWY_AVX2  // lanes that a mask leaves out are not touched
  const Tag tag;
  if (n >= kLanes) return hn::LoadU(tag, at);
  return hn::MaskedLoad(hn::FirstN(tag, static_cast<size_t>(n)), tag, at);
#else
  return get(at, n);
#endif
}

HWY_INLINE void write_first(Vector v, int64_t n, float* to) {
  const Tag tag;
  if (n >= kLanes) return hn::StoreU(v, tag, to);
#if HWY_TARGET <= HWY_AVX2
  hn::BlendedStore(v, hn::FirstN(tag, static_cast<size_t>(n)), tag, to);
#else
  put(v, n, to);
#endif
}

// The same through the derivative of the activation, where the numbers are gradients of its result.
template <bool kMasked>
HWY_INLINE Vector read_gradient(const float* at, int64_t n, const MaskedGradient<float>& mask) {
  const Vector v = read_first(at, n);
  if constexpr (!kMasked) return v;
  const Tag tag;
  const Vector y = read_first(mask.mask_of(at), n);
  return hn::IfThenElse(hn::Gt(y, hn::Zero(tag)), v, hn::Mul(hn::Set(tag, mask.slope), v));
}

// The kIn rows of a channel from depth `first` on at (h, col), n numbers of each; zeros outside the volume.
template <int kIn, bool kMasked>
HWY_INLINE void read_depths(const SameShape& q, const MaskedGradient<float>& mask, const float* volume,
                            int64_t first, int64_t h, int64_t col, int64_t n, Vector* HWY_RESTRICT d) {
  const Tag tag;
  const int64_t plane = q.h * q.w;
  const float* at = volume + first * plane + h * q.w + col;
  if (h >= 0 && h < q.h && first >= 0 && first + kIn <= q.d) {
    HWY_UNROLL(6)
    for (int i = 0; i < kIn; ++i) d[i] = read_gradient<kMasked>(at + i * plane, n, mask);
    return;
  }
  HWY_UNROLL(6)
  for (int i = 0; i < kIn; ++i) {
    const bool inside = h >= 0 && h < q.h && first + i >= 0 && first + i < q.d;
    d[i] = inside ? read_gradient<kMasked>(at + i * plane, n, mask) : hn::Zero(tag);
  }
}

constexpr int kBlockO = kManyRegisters ? 8 : 4;  // output channels of a block

// U = G g_k G' for the blocks [begin, end) of kBlockO output channels: [point][block][c][k][kBlockO].
inline void transform_volume_weights(const SameConvolution& q, int64_t begin, int64_t end,
                                     int64_t point_stride, float* HWY_RESTRICT weights) {
  const hn::CappedTag<float, kBlockO> tag;
  using V = hn::Vec<decltype(tag)>;
  for (int64_t row = begin * q.c; row < end * q.c; ++row) {
    const int64_t first_o = row / q.c * kBlockO, c = row % q.c;
    HWY_ALIGN float g[27][kBlockO];
    for (int64_t o = 0; o < kBlockO; ++o) {
      for (int64_t tap = 0; tap < 27; ++tap)
        g[tap][o] = first_o + o < q.o ? q.weight_of(first_o + o, c, tap) : 0.0f;
    }
    for (int64_t k = 0; k < 3; ++k) {
      float* const to = weights + (row * 3 + k) * kBlockO;
      for (int64_t o = 0; o < kBlockO; o += static_cast<int64_t>(hn::Lanes(tag))) {
        V down[3][6];  // G g, column by column
        for (int j = 0; j < 3; ++j) {
          const V column[3] = {hn::Load(tag, g[3 * j + k] + o), hn::Load(tag, g[9 + 3 * j + k] + o),
                               hn::Load(tag, g[18 + 3 * j + k] + o)};
          transform_filter(column, down[j]);
        }
        for (int i = 0; i < 6; ++i) {
          const V along[3] = {down[0][i], down[1][i], down[2][i]};
          V u[6];
          transform_filter(along, u);
          for (int j = 0; j < 6; ++j) hn::Store(u[j], tag, to + (i * 6 + j) * point_stride + o);
        }
      }
    }
  }
}

}  // namespace primal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
