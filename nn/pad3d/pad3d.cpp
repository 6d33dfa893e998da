#include "nn/pad3d/pad3d.h"

#include <algorithm>

#include "nn/pad3d/pad3d_kernels.h"
#include "tensor/error.h"
#include "tensor/op/door.h"

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

// y has the extents D', H', W'.
Variable lookup3d(const char* op, const Variable& x, const Lookup3d& lookup, const Shape& shape) {
  return dispatch_floating(x.dtype(), op, [&]<class T>() {
    const Door door(op, lookup3d_ladder.of<T>(), OnlyShape{x.shape()}, x.device(),
                    [&] { return map_cost(elements_of(x.shape()), elements_of(shape), 0.0, 0.0); });
    const auto forward = door.open("forward");
    const Tensor y = Tensor::empty(shape, x.dtype(), x.device());
    forward([&](const Exec& exec, const Lookup3dKernels<T>& kernels) {
      kernels.forward(exec, x.value().device_view5<const T>(), lookup, y.device_view5<T>());
    });
    return record(op, y, {x}, [=, backward = door.phase("backward")](Gradients& g) {
      backward([&](const Exec& exec, const Lookup3dKernels<T>& kernels) {
        kernels.backward(exec, g.upstream().device_view5<const T>(), lookup, g.grad_of(0).device_view5<T>());
      });
    });
  });
}

}  // namespace

Variable pad3d(const Variable& x, const Pad3dParams& params) {
  check_volume("pad3d", x);
  Lookup3d lookup;
  Shape shape = x.shape();
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
    lookup[a] = {low, params.mode[a]};
    shape = shape.with(2 + axis, low + n + high);
  }
  return lookup3d("pad3d", x, lookup, shape);
}

Variable crop3d(const Variable& x, const Crop3dParams& params) {
  check_volume("crop3d", x);
  Lookup3d lookup;
  Shape shape = x.shape();
  for (int axis = 0; axis < 3; ++axis) {
    const auto a = static_cast<size_t>(axis);
    const int64_t n = x.shape()[2 + axis], low = params.low[a], high = params.high[a];
    check_amounts("crop3d", axis, low, high);
    if (low + high >= n) {
      throw ShapeError("[crop3d] {} and {} cells taken off {} along {} leave nothing: x={}", low, high, n,
                       "DHW"[axis], x.shape().str());
    }
    lookup[a] = {-low, PadMode::zero};
    shape = shape.with(2 + axis, n - low - high);
  }
  return lookup3d("crop3d", x, lookup, shape);
}

void add_part3d(const Tensor& part, const std::array<int64_t, 3>& begin, const Tensor& whole) {
  check_volume("add_part3d", part);
  check_volume("add_part3d", whole);
  Lookup3d lookup;
  bool fits = part.size(0) == whole.size(0) && part.size(1) == whole.size(1) && part.dtype() == whole.dtype();
  for (int axis = 0; axis < 3; ++axis) {
    const int64_t first = begin[static_cast<size_t>(axis)];
    fits = fits && first >= 0 && first + part.size(2 + axis) <= whole.size(2 + axis);
    lookup[static_cast<size_t>(axis)] = {-first, PadMode::zero};
  }
  if (!fits) {
    throw ShapeError("[add_part3d] {} from cell ({}, {}, {}) on does not lie in {}", part.str(), begin[0],
                     begin[1], begin[2], whole.str());
  }
  const Device device = common_device("add_part3d", {part, whole});
  dispatch_floating(whole.dtype(), "add_part3d", [&]<class T>() {
    const Door door("crop3d", lookup3d_ladder.of<T>(), OnlyShape{whole.shape()}, device,
                    [] { return PhaseCosts{}; });
    door.phase("backward")([&](const Exec& exec, const Lookup3dKernels<T>& kernels) {
      kernels.backward(exec, part.device_view5<const T>(), lookup, whole.device_view5<T>());
    });
  });
}

}  // namespace primal
