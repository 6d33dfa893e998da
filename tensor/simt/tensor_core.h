// Tensor cores for kernels (simt.h), under the same names on a device and in the emulation: the product of a
// 16 x 8 and an 8 x 8 matrix by one warp, PTX's mma.sync.aligned.m16n8k8 with TF32 operands and float32 sums.
// Compute capability 8.0 or later.
//
//   to_tf32(x)                 x with 11 bits, rounded to nearest, ties away from zero (cvt.rna.tf32.f32), as
//                              the bits of a float whose 13 lowest bits are 0
//   split_tf32(x, big, small)  two operands, big + small = x (1 + e) with |e| <= 2^-23: big is x rounded as
//                              above, and small what remains, whose last bits the tensor core cuts off.
//                              For finite x below 2^127; where x is not finite, small is NaN.
//   multiply_tf32(sum, a, b)   sum += a b, by all 32 lanes of a warp together
//
// Each lane holds a part of each matrix, its fragment (g = lane / 4, t = lane % 4):
//
//   a    of A [16 x 8]   A[g][t]    A[g + 8][t]      A[g][t + 4]    A[g + 8][t + 4]
//   b    of B [8 x 8]    B[t][g]    B[t + 4][g]
//   sum  of S [16 x 8]   S[g][2 t]  S[g][2 t + 1]    S[g + 8][2 t]  S[g + 8][2 t + 1]
//
// A device ignores the 13 lowest bits of an operand, so one that nobody rounded is cut off: an error twice as
// large, and biased. The emulation reports it instead (CheckFailed).
//
// How a device rounds the sum is not specified. The emulation does what was measured on several generations:
// the products are exact, all terms of a sum are cut off where the largest of them has its bit 2^-24, and so
// is the sum at 24 bits, towards zero (Fasi, Higham, Mikaitis, Pranesh: Numerical behavior of NVIDIA tensor
// cores, PeerJ Computer Science 7:e330, 2021). A kernel whose error is small here does not depend on a kinder
// rounding.
//
// Source of the layouts: PTX ISA, "Matrix Fragments for mma.m16n8k8".
#pragma once

#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {

#ifdef __CUDACC__

__device__ inline unsigned to_tf32(float x) {
  unsigned bits = 0;
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
#else
  __trap();
#endif
  return bits;
}

// Three instructions: to_tf32 takes as many for each of the two, because it keeps NaN, which here small does.
__device__ inline void split_tf32(float x, unsigned& big, unsigned& small) {
  big = (__float_as_uint(x) + 0x1000U) & ~0x1FFFU;
  small = __float_as_uint(x - __uint_as_float(big));
}

__device__ inline void multiply_tf32(float (&sum)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  __trap();
#endif
}

#else

// A NaN keeps its payload, so that memory which nobody has written is still recognised in the result.
inline unsigned to_tf32(float x) {
  const unsigned bits = __float_as_uint(x);
  constexpr unsigned kExponent = 0x7F800000, kLow = 0x1FFF;
  if ((bits & kExponent) == kExponent) return bits;
  return (bits + kLow / 2 + 1) & ~kLow;
}

// As on a device, but for the bits of small that a device ignores: here they are not there.
inline void split_tf32(float x, unsigned& big, unsigned& small) {
  constexpr unsigned kLow = 0x1FFF;
  big = (__float_as_uint(x) + 0x1000U) & ~kLow;
  const float rest = x - __uint_as_float(big);
  small = std::isnan(rest) ? __float_as_uint(rest) : __float_as_uint(rest) & ~kLow;
}

// What a lane brings to a product; the sum is where it stands in the kernel.
struct Fragments {
  float (&sum)[4];
  const unsigned (&a)[4];
  const unsigned (&b)[2];
};
// The lanes' sums += a b, of 32 lanes. Faults are those of the operands (CheckFailed).
void multiply_fragments(const Fragments* const (&lanes)[warpSize]);

// With everything else of the warp: CheckFailed where a lane is missing.
void multiply_tf32(float (&sum)[4], const unsigned (&a)[4], const unsigned (&b)[2],
                   Where where = Where::current());

#endif

// The value of an operand: what a second product in the remainder x - tf32_value(to_tf32(x)) adds.
__device__ inline float tf32_value(unsigned bits) { return __uint_as_float(bits); }

}  // namespace primal::PRIMAL_SIMT
