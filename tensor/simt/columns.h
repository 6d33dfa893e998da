// Kernels that go through a tensor [n_outer, K, n_inner] column by column, a column being the K values at one
// (outer, inner). Its values are n_inner apart, so where that is large a column is one thread's, and
// neighbouring threads read neighbouring columns; where it is small a column is a warp's, and neighbouring
// lanes read neighbouring values of K.
#pragma once

#include "tensor/simt/reduce.h"

namespace primal::PRIMAL_SIMT {

constexpr int kColumnThreads = 256;

template <int kLanes>  // 1 or 32
struct Columns {
  int64_t n_outer, n_k, n_inner;

  int64_t n_columns() const { return n_outer * n_inner; }
  dim3 grid() const { return blocks_for(n_columns() * kLanes, kColumnThreads); }

  // The column of this thread, all lanes of a warp the same where kLanes is 32.
  __device__ int64_t column() const { return (blockIdx.x * int64_t{kColumnThreads} + threadIdx.x) / kLanes; }
  __device__ bool exists(int64_t column) const { return column < n_outer * n_inner; }
  // Element k of a column is `first` + k n_inner.
  __device__ int64_t first(int64_t column) const {
    return column / n_inner * n_k * n_inner + column % n_inner;
  }
  // A lane takes k = lane(), lane() + kLanes, ...
  __device__ static int lane() { return static_cast<int>(threadIdx.x) % kLanes; }
  template <class T>
  __device__ static T sum(T value) {
    if constexpr (kLanes == 1) return value;
    return warp_sum(value);
  }
  template <class T>
  __device__ static T largest(T value) {
    if constexpr (kLanes == 1) return value;
    return warp_max(value);
  }
};

// Calls use(columns) with as many lanes for a column as suit it.
template <class Use>
void with_columns(int64_t n_outer, int64_t n_k, int64_t n_inner, const Use& use) {
  if (n_inner >= 32) {
    use(Columns<1>{n_outer, n_k, n_inner});
  } else {
    use(Columns<32>{n_outer, n_k, n_inner});
  }
}

}  // namespace primal::PRIMAL_SIMT
