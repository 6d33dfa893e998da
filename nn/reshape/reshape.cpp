#include "nn/reshape/reshape.h"

#include <algorithm>
#include <fmt/ranges.h>

#include "nn/reshape/reshape_kernels.h"
#include "tensor/error.h"
#include "tensor/op/door.h"

namespace primal {
namespace {

void check_type(const char* op, const Tensor& x) {
  if (!is_floating(x.dtype())) throw ShapeError("[{}] x must be f32 or f64: {}", op, x.str());
}

// The shape with its -1 filled in.
Shape completed(const Tensor& x, std::span<const int64_t> shape) {
  const std::string text = fmt::format("[{}]", fmt::join(shape, ","));
  std::vector<int64_t> extents(shape.begin(), shape.end());
  int64_t known = 1;
  for (const int64_t n : extents) {
    if (n < -1) throw ShapeError("[reshape] an extent is below -1: shape={}", text);
    if (n >= 0) known *= n;
  }
  const auto unknown = std::ranges::find(extents, -1);
  if (unknown != extents.end()) {
    if (std::count(extents.begin(), extents.end(), -1) > 1)
      throw ShapeError("[reshape] more than one extent is -1: shape={}", text);
    if (known == 0 || x.numel() % known != 0)
      throw ShapeError("[reshape] the elements of x determine no -1: x={} shape={}", x.str(), text);
    *unknown = x.numel() / known;
    known = x.numel();
  }
  if (known != x.numel())
    throw ShapeError("[reshape] x has {} elements, the shape {}: x={} shape={}", x.numel(), known, x.str(),
                     text);
  return Shape(std::span<const int64_t>(extents));
}

Variable run(const char* name, const Variable& x, const Shape& shape) {
  return dispatch_floating(x.dtype(), name, [&]<class T>() {
    const Door door(
        "reshape", reshape_ladder.of<T>(), OnlyShape{x.shape()}, x.device(),
        [&] { return reshape_cost(x.shape()); }, name);
    const auto forward = door.open("forward");
    return record(name, x.value().reshape(shape), {x}, [backward = door.phase("backward")](Gradients& g) {
      const Gradients::Destination grad_x = g.destination(0);
      backward([&](const Exec& exec, const ReshapeKernels<T>& kernels) {
        kernels.backward(exec, g.upstream().device_span<const T>(), grad_x.add,
                         grad_x.buffer.device_span<T>());
      });
    });
  });
}

}  // namespace

Variable reshape(const Variable& x, std::span<const int64_t> shape) {
  check_type("reshape", x.value());
  return run("reshape", x, completed(x.value(), shape));
}

Variable flatten(const Variable& x, int first_axis, int last_axis) {
  check_type("flatten", x.value());
  const Shape& shape = x.shape();
  const int rank = shape.rank();
  if (rank == 0) return run("flatten", x, Shape{1});
  const int first = first_axis < 0 ? first_axis + rank : first_axis,
            last = last_axis < 0 ? last_axis + rank : last_axis;
  if (first < 0 || last >= rank || first > last) {
    throw ShapeError("[flatten] x has no axes {} to {}: x={}", first_axis, last_axis, x.value().str());
  }
  std::vector<int64_t> extents;
  for (int a = 0; a < rank; ++a) {
    if (a > first && a <= last) {
      extents.back() *= shape[a];
    } else {
      extents.push_back(shape[a]);
    }
  }
  return run("flatten", x, Shape(std::span<const int64_t>(extents)));
}

}  // namespace primal
