// View<T, R>: what a kernel sees of a tensor: a pointer and R extents, row-major, no ownership.
// A view is copied freely, costs no more than its members, and never checks: public functions check, kernels
// trust (debug builds assert). View5 is the NCDHW view that nn and solvers speak.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace primal {

template <class T, int R>
struct View {
  T* data = nullptr;
  std::array<int64_t, size_t{R}> extent{};

  int64_t size(int axis) const { return extent[static_cast<size_t>(axis)]; }

  int64_t numel() const {
    int64_t n = 1;
    for (int64_t e : extent) n *= e;
    return n;
  }

  // Row-major offset of an index: ((i0 * e1 + i1) * e2 + i2) ...
  template <class... Index>
  int64_t offset(Index... index) const {
    static_assert(sizeof...(Index) == R, "one index per axis");
    const std::array<int64_t, size_t{R}> i{static_cast<int64_t>(index)...};
    int64_t at = 0;
    for (size_t a = 0; a < R; ++a) {
      assert(i[a] >= 0 && i[a] < extent[a]);
      at = at * extent[a] + i[a];
    }
    return at;
  }

  template <class... Index>
  T& operator()(Index... index) const {
    return data[offset(index...)];
  }

  std::span<T> flat() const { return {data, static_cast<size_t>(numel())}; }

  // A view to write through is also a view to read through.
  template <class U>
  requires(std::is_same_v<U, const T> && !std::is_const_v<T>) operator View<U, R>() const {
    return {data, extent};
  }
};

template <class T>
using View5 = View<T, 5>;  // [N, C, D, H, W], or [O, C, kd, kh, kw] for weights

}  // namespace primal
