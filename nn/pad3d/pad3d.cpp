#include "nn/pad3d/pad3d.h"

#include <algorithm>

#include "nn/pad3d/pad3d_kernels.h"
#include "tensor/error.h"
#include "tensor/range.h"

namespace primal {
namespace {

void check_volume(const char* op, const Variable& x) {
  if (!x.defined() || !is_floating(x.dtype()) || x.shape().rank() != 5)
    throw ShapeError("[{}] x must be f32 or f64 [N,C,D,H,W]: {}", op, x.value().str());
  for (int axis = 0; axis < 3; ++axis) {
    if (x.shape()[2 + axis] < 1)
      throw ShapeError("[{}] x has no cells along {}: x={}", op, "DHW"[axis], x.shape().str());
  }
}

void check_amounts(const char* op, int axis, int64_t low, int64_t high) {
  if (low < 0 || high < 0)
    throw ShapeError("[{}] amounts {} and {} along {} must not be below zero", op, low, high, "DHW"[axis]);
}

// The cell that output i shows, -1 for none.
int64_t padded_source(int64_t i, int64_t n, int64_t low, PadMode mode) {
  const int64_t j = i - low;
  if (j >= 0 && j < n) return j;
  switch (mode) {
    case PadMode::zero:
      return -1;
    case PadMode::edge:
      return std::clamp<int64_t>(j, 0, n - 1);
    case PadMode::reflect:
      return j < 0 ? -j : 2 * (n - 1) - j;
    case PadMode::circular:
      return (j + n) % n;
  }
  return -1;
}

Variable lookup3d(const char* op, const Variable& x, Sources sources) {
  Shape shape = x.shape();
  for (int axis = 0; axis < 3; ++axis)
    shape = shape.with(2 + axis, std::ssize(sources[static_cast<size_t>(axis)]));
  const Range range(op, nullptr, [&] {
    return range_detail(map_cost(elements_of(x.shape()), elements_of(shape), 0.0, 0.0), x.shape().str());
  });
  const Tensor y = Tensor::empty(shape, x.dtype());
  dispatch_floating(x.dtype(), op, [&]<class T>() {
    cpu::lookup3d_forward<T>(Exec{}, x.value().view5<const T>(), sources, y.view5<T>());
  });
  return record(op, y, {x}, [op, sources = std::move(sources)](Gradients& g) {
    dispatch_floating(g.output().dtype(), op, [&]<class T>() {
      cpu::lookup3d_backward<T>(Exec{}, g.output().view5<const T>(), sources, g.input(0).view5<T>());
    });
  });
}

}  // namespace

Variable pad3d(const Variable& x, const Pad3dParams& params) {
  check_volume("pad3d", x);
  Sources sources;
  for (int axis = 0; axis < 3; ++axis) {
    const auto a = static_cast<size_t>(axis);
    const int64_t n = x.shape()[2 + axis], low = params.low[a], high = params.high[a];
    check_amounts("pad3d", axis, low, high);
    if (params.mode[a] == PadMode::reflect && std::max(low, high) >= n) {
      throw ShapeError("[pad3d] {} cells along {} reflect at most {}, asked for {} and {}: x={}", n,
                       "DHW"[axis], n - 1, low, high, x.shape().str());
    }
    if (params.mode[a] == PadMode::circular && std::max(low, high) > n) {
      throw ShapeError("[pad3d] {} cells along {} repeat at most {}, asked for {} and {}: x={}", n,
                       "DHW"[axis], n, low, high, x.shape().str());
    }
    for (int64_t i = 0; i < low + n + high; ++i)
      sources[a].push_back(padded_source(i, n, low, params.mode[a]));
  }
  return lookup3d("pad3d", x, std::move(sources));
}

Variable crop3d(const Variable& x, const Crop3dParams& params) {
  check_volume("crop3d", x);
  Sources sources;
  for (int axis = 0; axis < 3; ++axis) {
    const auto a = static_cast<size_t>(axis);
    const int64_t n = x.shape()[2 + axis], low = params.low[a], high = params.high[a];
    check_amounts("crop3d", axis, low, high);
    if (low + high >= n) {
      throw ShapeError("[crop3d] {} and {} cells taken off {} along {} leave nothing: x={}", low, high, n,
                       "DHW"[axis], x.shape().str());
    }
    for (int64_t i = low; i < n - high; ++i) sources[a].push_back(i);
  }
  return lookup3d("crop3d", x, std::move(sources));
}

}  // namespace primal
