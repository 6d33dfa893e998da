// What the tensor-core kernels of conv3d share: operands of one or three products, and copies of four pixels.
// Included by .cu files alone.
//
// TF32 keeps 11 bits of an operand. `tensor_core` multiplies x and y rounded to TF32, so a product errs by up
// to 2^-10 of itself. `tensor_core_3x` splits each operand into what TF32 keeps and the rest, x = x_big +
// x_small, which together have 23 bits, and adds three products:
//
//   x y  =  x_small y_big + x_big y_small + x_big y_big        (x_small y_small is at most 2^-22 of x y)
//
// Tensor cores truncate sums instead of rounding them, which over thousands of terms would cost several bits.
// So the three products of eight terms start at zero, and an ordinary addition adds them to the sum so far.
// An operand that is infinite or rounds to infinity gives NaN where float32 would give infinity.
//
// Source: Ootomo, Yokota, Recovering single precision accuracy from Tensor Cores while surpassing the FP32
// theoretical peak performance, International Journal of High Performance Computing Applications 36 (2022).
#pragma once

#include "nn/conv3d/cuda/conv3d_partial_sums.h"
#include "tensor/simt/async_copy.h"
#include "tensor/simt/tensor_core.h"

namespace primal::PRIMAL_SIMT {

constexpr int kWarps = 4, kThreads = kWarps * kLanes;
constexpr int kDepth = 8;  // terms of a product of tensor_core.h

// n elements of an operand, as a lane has them.
template <int kProducts, int n>
struct Operand {
  static constexpr int kParts = kProducts == 1 ? 1 : 2;
  unsigned part[size_t{kParts}][size_t{n}];

  // For one product x is TF32 already, since it is rounded once in shared memory and read several times.
  __device__ void set(int i, float x) {
    if constexpr (kProducts == 1) {
      part[0][i] = __float_as_uint(x);
    } else {
      split_tf32(x, part[0][i], part[1][i]);
    }
  }
};

// sum(m) += a(m) b(m) for m < n, of operands and a sum of a warp each. The three products of each m depend on
// each other, so those of all m take turns.
template <int kProducts, int n, class Sum, class A, class B>
__device__ void add_products(const Sum& sum, const A& a, const B& b) {
  if constexpr (kProducts == 1) {
#pragma unroll
    for (int m = 0; m < n; ++m) multiply_tf32(sum(m), a(m).part[0], b(m).part[0]);
  } else {
    float of[size_t{n}][4] = {};
#pragma unroll
    for (int m = 0; m < n; ++m) multiply_tf32(of[m], a(m).part[1], b(m).part[0]);
#pragma unroll
    for (int m = 0; m < n; ++m) multiply_tf32(of[m], a(m).part[0], b(m).part[1]);
#pragma unroll
    for (int m = 0; m < n; ++m) multiply_tf32(of[m], a(m).part[0], b(m).part[0]);
#pragma unroll
    for (int m = 0; m < n; ++m) {
#pragma unroll
      for (int i = 0; i < 4; ++i) sum(m)[i] += of[m][i];
    }
  }
}

// The smallest n' >= n with n' % 32 one of the two.
constexpr int padded(int n, int one, int other) {
  while (n % 32 != one && n % 32 != other) ++n;
  return n;
}

// Four neighbouring pixels of a row: a bit for each that is inside of its plane.
__device__ inline unsigned inside_of(const Planes& planes, int64_t row, int64_t column) {
  unsigned bits = 0;
  for (int i = 0; i < 4; ++i) bits |= planes.inside(row, column + i) ? 1U << i : 0U;
  return bits;
}

// Starts to copy four floats; those that are not inside become 0. `wide`: at once, all of them inside or
// none.
template <class Shared>
__device__ void copy_four(const Shared& to, Global<const float> from, unsigned inside, bool wide) {
  if (wide) {
    copy_async(as<Float4>(to), as<Float4>(from), inside != 0);
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i) copy_async(to + i, from + i, (inside >> i & 1U) != 0);
  }
}

// u of four floats in shared memory becomes f(u).
template <class Shared, class F>
__device__ void replace_four(const Shared& at, const F& f) {
  const auto fours = as<Float4>(at);
  Float4 four = *fours;
#pragma unroll
  for (int i = 0; i < 4; ++i) four.at[i] = f(i, four.at[i]);
  *fours = four;
}

// Whether rows of four pixels can be copied at once: they then begin at multiples of 16 bytes and end with
// the rows.
template <class T>
bool copies_fours(const View5<T>& x, int side) {
  const int64_t n = side == 1 ? x.size(2) * x.size(3) * x.size(4) : x.size(4);
  return n % 4 == 0 && reinterpret_cast<uintptr_t>(x.data) % sizeof(Float4) == 0;
}

// conv3d_tensor_core_weights.cu
template <int kProducts>
Conv3dWeightParts<float> conv3d_tensor_core_begin_weights(const Exec& exec,
                                                          const ChannelParts<const float>& x,
                                                          const MaskedGradient<float>& grad_y,
                                                          const Conv3dParams&, View5<float> grad_weight,
                                                          View<float, 1> grad_bias);

}  // namespace primal::PRIMAL_SIMT
