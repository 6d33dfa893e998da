// linear, blocked: its three products with tiles of sums in vector registers.
//
// Idea: the reference loads two numbers for each multiply-add, and stores one in the gradients. A tile of
// kRows x kColumns sums in registers takes kRows + kColumns loads for kRows kColumns multiply-adds:
//   - forward: kRows rows of x against kColumns rows of the weight, vectors along C, each tile's
//     sums added up at its end;
//   - gradients: kRows rows of the result, kColumns vectors of its columns; a step spreads a number
//     of grad_y over a vector.
// The sums run over a part of C, O or N at a time, so that the panel that is read again and again stays in
// the cache.
#include <algorithm>

#include "nn/linear/linear_kernels.h"
#include "tensor/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/linear/linear_blocked.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "nn/float_vector-inl.h"

// This file is compiled once for each instruction set; what they share is declared once.
#ifndef PRIMAL_NN_LINEAR_BLOCKED_SHARED
#define PRIMAL_NN_LINEAR_BLOCKED_SHARED
namespace primal::cpu {

constexpr int64_t kMinFeatures = 16;  // of x: with fewer there is not one vector to work on

// A part of a matrix: rows `stride` elements apart.
struct Panel {
  const float* data;
  int64_t stride;
  const float* at(int64_t row, int64_t column) const { return data + row * stride + column; }
};

// out[i,j] += sum over k < n_k of a[i stride_a + k stride_k] b[k,j], for i < n_i and j < n_j
struct Sums {
  const float* a;
  int64_t stride_a, stride_k;
  Panel b;
  float* out;
  int64_t stride_out, n_i, n_j, n_k;
};

}  // namespace primal::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::HWY_NAMESPACE {
namespace {

// 16 sums in 32 vector registers or 8 in 16, which leaves room for what is loaded.
constexpr int kRows = 4, kColumns = kManyRegisters ? 4 : 2;

// y[n,o] += the dot product of row n of x and row o of the weight.
template <int kN, int kO>
HWY_INLINE void add_dots(const Panel& x, const Panel& weight, int64_t n_c, float* y, int64_t stride_y) {
  const Tag tag;
  hn::Vec<Tag> sum[size_t{kN}][size_t{kO}];
  for (int n = 0; n < kN; ++n) {
    for (int o = 0; o < kO; ++o) sum[n][o] = hn::Zero(tag);
  }
  int64_t c = 0;
  for (; c + kLanes <= n_c; c += kLanes) {
    hn::Vec<Tag> x_c[size_t{kN}];
    for (int n = 0; n < kN; ++n) x_c[n] = hn::LoadU(tag, x.at(n, c));
    for (int o = 0; o < kO; ++o) {
      const auto w = hn::LoadU(tag, weight.at(o, c));
      for (int n = 0; n < kN; ++n) sum[n][o] = hn::MulAdd(x_c[n], w, sum[n][o]);
    }
  }
  for (int n = 0; n < kN; ++n) {
    for (int o = 0; o < kO; ++o) {
      float total = hn::GetLane(hn::SumOfLanes(tag, sum[n][o]));
      for (int64_t rest = c; rest < n_c; ++rest) total += *x.at(n, rest) * *weight.at(o, rest);
      y[n * stride_y + o] += total;
    }
  }
}

template <int kN>
void add_rows_of_dots(const Panel& x, const Panel& weight, int64_t n_c, float* y, int64_t n_o,
                      int64_t stride_y) {
  int64_t o = 0;
  for (; o + kColumns <= n_o; o += kColumns)
    add_dots<kN, kColumns>(x, {weight.at(o, 0), weight.stride}, n_c, y + o, stride_y);
  for (; o < n_o; ++o) add_dots<kN, 1>(x, {weight.at(o, 0), weight.stride}, n_c, y + o, stride_y);
}

void add_dot_products(const Panel& x, const Panel& weight, int64_t n_rows, int64_t n_c, float* y, int64_t n_o,
                      int64_t stride_y) {
  int64_t n = 0;
  for (; n + kRows <= n_rows; n += kRows)
    add_rows_of_dots<kRows>({x.at(n, 0), x.stride}, weight, n_c, y + n * stride_y, n_o, stride_y);
  for (; n < n_rows; ++n)
    add_rows_of_dots<1>({x.at(n, 0), x.stride}, weight, n_c, y + n * stride_y, n_o, stride_y);
}

// The kI x (kJ vectors) sums from row i and column j on.
template <int kI, int kJ>
HWY_INLINE void add_tile(const Sums& q, int64_t i, int64_t j) {
  const Tag tag;
  hn::Vec<Tag> sum[size_t{kI}][size_t{kJ}];
  for (int r = 0; r < kI; ++r) {
    for (int v = 0; v < kJ; ++v) sum[r][v] = hn::LoadU(tag, q.out + (i + r) * q.stride_out + j + v * kLanes);
  }
  const float* a = q.a + i * q.stride_a;
  for (int64_t k = 0; k < q.n_k; ++k, a += q.stride_k) {
    hn::Vec<Tag> b[size_t{kJ}];
    for (int v = 0; v < kJ; ++v) b[v] = hn::LoadU(tag, q.b.at(k, j + v * kLanes));
    for (int r = 0; r < kI; ++r) {
      const auto factor = hn::Set(tag, a[r * q.stride_a]);
      for (int v = 0; v < kJ; ++v) sum[r][v] = hn::MulAdd(factor, b[v], sum[r][v]);
    }
  }
  for (int r = 0; r < kI; ++r) {
    for (int v = 0; v < kJ; ++v) hn::StoreU(sum[r][v], tag, q.out + (i + r) * q.stride_out + j + v * kLanes);
  }
}

template <int kI>
void add_rows_of_sums(const Sums& q, int64_t i) {
  int64_t j = 0;
  for (; j + kColumns * kLanes <= q.n_j; j += kColumns * kLanes) add_tile<kI, kColumns>(q, i, j);
  for (; j + kLanes <= q.n_j; j += kLanes) add_tile<kI, 1>(q, i, j);
  for (; j < q.n_j; ++j) {
    for (int64_t r = i; r < i + kI; ++r) {
      float sum = q.out[r * q.stride_out + j];
      for (int64_t k = 0; k < q.n_k; ++k) sum += q.a[r * q.stride_a + k * q.stride_k] * *q.b.at(k, j);
      q.out[r * q.stride_out + j] = sum;
    }
  }
}

void add_sums(const Sums& q) {
  int64_t i = 0;
  for (; i + kRows <= q.n_i; i += kRows) add_rows_of_sums<kRows>(q, i);
  for (; i < q.n_i; ++i) add_rows_of_sums<1>(q, i);
}

}  // namespace
}  // namespace primal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace primal::cpu {
namespace {

HWY_EXPORT(add_dot_products);
HWY_EXPORT(add_sums);

constexpr int64_t kOutputs = 32;                       // of y that one task computes, for all rows of x
constexpr int64_t kFeatures = 1024;                    // of C at a time: 128 KB of the weight
constexpr int64_t kTaskRows = 64, kTaskColumns = 512;  // of a gradient that one task adds to
constexpr int64_t kDepth = 64;                         // of O or N at a time: 128 KB of the other factor

int64_t pieces(int64_t n, int64_t size) { return (n + size - 1) / size; }

// out [I,J] += a b, with a(i,k) at a + i stride_a + k stride_k and b [K,J]
void add_product(const Exec& exec, const float* a, int64_t stride_a, int64_t stride_k, View<const float, 2> b,
                 View<float, 2> out) {
  const int64_t n_i = out.size(0), n_j = out.size(1), n_k = b.size(0), n_columns = pieces(n_j, kTaskColumns);
  parallel_for(exec, pieces(n_i, kTaskRows) * n_columns, 1, [&](int64_t task, int64_t) {
    const int64_t i = task / n_columns * kTaskRows, j = task % n_columns * kTaskColumns;
    for (int64_t k = 0; k < n_k; k += kDepth) {
      HWY_DYNAMIC_DISPATCH(add_sums)
      ({a + i * stride_a + k * stride_k,
        stride_a,
        stride_k,
        {b.data + k * n_j + j, n_j},
        out.data + i * n_j + j,
        n_j,
        std::min(kTaskRows, n_i - i),
        std::min(kTaskColumns, n_j - j),
        std::min(kDepth, n_k - k)});
    }
  });
}

bool supports(const LinearGeometry& g) { return g.c >= kMinFeatures; }

void forward(const Exec& exec, View<const float, 2> x, View<const float, 2> weight,
             std::span<const float> bias, View<float, 2> y) {
  const int64_t n_rows = x.size(0), n_in = x.size(1), n_out = y.size(1);
  parallel_for(exec, n_out, kOutputs, [&](int64_t begin, int64_t end) {
    for (int64_t n = 0; n < n_rows; ++n) {
      for (int64_t o = begin; o < end; ++o) y(n, o) = bias.empty() ? 0.0F : bias[static_cast<size_t>(o)];
    }
    for (int64_t c = 0; c < n_in; c += kFeatures) {
      HWY_DYNAMIC_DISPATCH(add_dot_products)
      ({x.data + c, n_in}, {weight.data + begin * n_in + c, n_in}, n_rows, std::min(kFeatures, n_in - c),
       y.data + begin, end - begin, n_out);
    }
  });
}

void backward_data(const Exec& exec, View<const float, 2> grad_y, View<const float, 2> weight,
                   View<float, 2> grad_x) {
  add_product(exec, grad_y.data, grad_y.size(1), 1, weight, grad_x);
}

void backward_weights(const Exec& exec, View<const float, 2> x, View<const float, 2> grad_y,
                      View<float, 2> grad_weight, std::span<float> grad_bias) {
  if (grad_weight.data != nullptr) add_product(exec, grad_y.data, 1, grad_y.size(1), x, grad_weight);
  linear_reference_f32.kernels.backward_weights(exec, {}, grad_y, {}, grad_bias);
}

}  // namespace

const LinearImplementation<float> linear_blocked{
    {"blocked", "tiles of sums in vector registers, panels that stay in cache"},
    supports,
    {forward, backward_data, backward_weights}};

}  // namespace primal::cpu
#endif  // HWY_ONCE
