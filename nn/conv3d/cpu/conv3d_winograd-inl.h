// The matrices of Winograd F(4x4, 3x3) as straight-line code on vectors, for each instruction set (Highway
// includes this file once per target).
//
// They evaluate polynomials at 0, a, -a, b, -b and infinity. Row p of A is (1, p, p^2, p^3), of G
// (1, p, p^2) / f(p) with f(p) the product of the distances from p to the other points, and B' interpolates;
// infinity takes the leading coefficient. a = 3/4, b = 3/2 are the usual 1 and 2 times 3/4: entries shrink, B
// and A stay exact in binary, and the float error halves.
// Source: A. Lavin and S. Gray, "Fast algorithms for convolutional neural networks", CVPR 2016, section 4.1;
//         the choice of points: B. Barabasz et al., "Error analysis and improving the accuracy of Winograd
//         convolution for deep neural networks", ACM TOMS 2020.
#if defined(PRIMAL_NN_CONV3D_WINOGRAD_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef PRIMAL_NN_CONV3D_WINOGRAD_INL_H
#undef PRIMAL_NN_CONV3D_WINOGRAD_INL_H
#else
#define PRIMAL_NN_CONV3D_WINOGRAD_INL_H
#endif

#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kWinogradPoints = 36;  // 6 x 6
constexpr float kA = 0.75f, kB = 1.5f;
constexpr float kA2 = kA * kA, kB2 = kB * kB, kSum2 = kA2 + kB2, kProduct2 = kA2 * kB2;
// 1 / f at 0, at a and -a, at b and -b; 1 at infinity
constexpr float kAtZero = 1.0f / kProduct2, kAtA = 0.5f / (kA2 * (kA2 - kB2)),
                kAtB = 0.5f / (kB2 * (kB2 - kA2));

// to [column][kRows], columns `pitch` apart, = from [kRows][n], rows `stride` apart. kRows: a multiple of 4,
// or 1.
template <int64_t kRows>
HWY_INLINE void transpose_rows(const float* HWY_RESTRICT from, int64_t stride, int64_t n,
                               float* HWY_RESTRICT to, int64_t pitch) {
  int64_t p = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::CappedTag<float, 4> tag;
  for (; p + 4 <= n; p += 4) {
    for (int64_t c = 0; c < kRows; c += 4) {  // 4 x 4 at a time
      const float* const at = from + c * stride + p;
      const auto v0 = hn::LoadU(tag, at), v1 = hn::LoadU(tag, at + stride);
      const auto v2 = hn::LoadU(tag, at + 2 * stride), v3 = hn::LoadU(tag, at + 3 * stride);
      const auto low_02 = hn::InterleaveLower(tag, v0, v2), high_02 = hn::InterleaveUpper(tag, v0, v2);
      const auto low_13 = hn::InterleaveLower(tag, v1, v3), high_13 = hn::InterleaveUpper(tag, v1, v3);
      float* const columns = to + p * pitch + c;
      hn::StoreU(hn::InterleaveLower(tag, low_02, low_13), tag, columns);
      hn::StoreU(hn::InterleaveUpper(tag, low_02, low_13), tag, columns + pitch);
      hn::StoreU(hn::InterleaveLower(tag, high_02, high_13), tag, columns + 2 * pitch);
      hn::StoreU(hn::InterleaveUpper(tag, high_02, high_13), tag, columns + 3 * pitch);
    }
  }
#endif
  for (; p < n; ++p) {
    for (int64_t c = 0; c < kRows; ++c) to[p * pitch + c] = from[c * stride + p];
  }
}

// r[6] = B' d[6]
template <class V>
HWY_INLINE void transform_input(const V* HWY_RESTRICT d, V* HWY_RESTRICT r) {
  const hn::DFromV<V> tag;
  const V a = hn::Set(tag, kA), b = hn::Set(tag, kB), a2 = hn::Set(tag, kA2), b2 = hn::Set(tag, kB2);
  const V sum = hn::Set(tag, kSum2), product = hn::Set(tag, kProduct2);
  const V even_a = hn::NegMulAdd(b2, d[2], d[4]), odd_a = hn::NegMulAdd(b2, d[1], d[3]);
  const V even_b = hn::NegMulAdd(a2, d[2], d[4]), odd_b = hn::NegMulAdd(a2, d[1], d[3]);
  r[0] = hn::MulAdd(product, d[0], hn::NegMulAdd(sum, d[2], d[4]));
  r[1] = hn::MulAdd(a, odd_a, even_a);
  r[2] = hn::NegMulAdd(a, odd_a, even_a);
  r[3] = hn::MulAdd(b, odd_b, even_b);
  r[4] = hn::NegMulAdd(b, odd_b, even_b);
  r[5] = hn::MulAdd(product, d[1], hn::NegMulAdd(sum, d[3], d[5]));
}

// y[4] = A' m[6]
template <class V>
HWY_INLINE void transform_output(const V* HWY_RESTRICT m, V* HWY_RESTRICT y) {
  const hn::DFromV<V> tag;
  const V a = hn::Set(tag, kA), b = hn::Set(tag, kB), a2 = hn::Set(tag, kA2), b2 = hn::Set(tag, kB2);
  const V a3 = hn::Set(tag, kA2 * kA), b3 = hn::Set(tag, kB2 * kB);
  const V even_a = hn::Add(m[1], m[2]), odd_a = hn::Sub(m[1], m[2]);
  const V even_b = hn::Add(m[3], m[4]), odd_b = hn::Sub(m[3], m[4]);
  y[0] = hn::Add(m[0], hn::Add(even_a, even_b));
  y[1] = hn::MulAdd(b, odd_b, hn::Mul(a, odd_a));
  y[2] = hn::MulAdd(b2, even_b, hn::Mul(a2, even_a));
  y[3] = hn::MulAdd(b3, odd_b, hn::MulAdd(a3, odd_a, m[5]));
}

// m[6] = A y[4], the adjoint of transform_output
template <class V>
HWY_INLINE void transform_grad_output(const V* HWY_RESTRICT y, V* HWY_RESTRICT m) {
  const hn::DFromV<V> tag;
  const V a = hn::Set(tag, kA), b = hn::Set(tag, kB), a2 = hn::Set(tag, kA2), b2 = hn::Set(tag, kB2);
  const V even_a = hn::MulAdd(a2, y[2], y[0]), odd_a = hn::Mul(a, hn::MulAdd(a2, y[3], y[1]));
  const V even_b = hn::MulAdd(b2, y[2], y[0]), odd_b = hn::Mul(b, hn::MulAdd(b2, y[3], y[1]));
  m[0] = y[0];
  m[1] = hn::Add(even_a, odd_a);
  m[2] = hn::Sub(even_a, odd_a);
  m[3] = hn::Add(even_b, odd_b);
  m[4] = hn::Sub(even_b, odd_b);
  m[5] = y[3];
}

// u[6] = G g[3]
template <class V>
HWY_INLINE void transform_filter(const V* HWY_RESTRICT g, V* HWY_RESTRICT u) {
  const hn::DFromV<V> tag;
  const V at_a = hn::Set(tag, kAtA), at_b = hn::Set(tag, kAtB);
  const V even_a = hn::MulAdd(hn::Set(tag, kA2), g[2], g[0]), odd_a = hn::Mul(hn::Set(tag, kA), g[1]);
  const V even_b = hn::MulAdd(hn::Set(tag, kB2), g[2], g[0]), odd_b = hn::Mul(hn::Set(tag, kB), g[1]);
  u[0] = hn::Mul(hn::Set(tag, kAtZero), g[0]);
  u[1] = hn::Mul(at_a, hn::Add(even_a, odd_a));
  u[2] = hn::Mul(at_a, hn::Sub(even_a, odd_a));
  u[3] = hn::Mul(at_b, hn::Add(even_b, odd_b));
  u[4] = hn::Mul(at_b, hn::Sub(even_b, odd_b));
  u[5] = g[2];
}

// g[3] = G' u[6], the adjoint of transform_filter
template <class V>
HWY_INLINE void transform_grad_filter(const V* HWY_RESTRICT u, V* HWY_RESTRICT g) {
  const hn::DFromV<V> tag;
  const V at_a = hn::Set(tag, kAtA), at_b = hn::Set(tag, kAtB);
  const V even_a = hn::Mul(at_a, hn::Add(u[1], u[2])), odd_a = hn::Mul(at_a, hn::Sub(u[1], u[2]));
  const V even_b = hn::Mul(at_b, hn::Add(u[3], u[4])), odd_b = hn::Mul(at_b, hn::Sub(u[3], u[4]));
  g[0] = hn::MulAdd(hn::Set(tag, kAtZero), u[0], hn::Add(even_a, even_b));
  g[1] = hn::MulAdd(hn::Set(tag, kA), odd_a, hn::Mul(hn::Set(tag, kB), odd_b));
  g[2] = hn::MulAdd(hn::Set(tag, kA2), even_a, hn::MulAdd(hn::Set(tag, kB2), even_b, u[5]));
}

}  // namespace primal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
