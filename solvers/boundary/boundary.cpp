#include "solvers/boundary/boundary.h"

#include "solvers/boundary/boundary_kernels.h"
#include "tensor/error.h"
#include "tensor/op/door.h"

namespace primal {

Boundary parse_boundary(const std::string& text) {
  if (text == "periodic") return Boundary::periodic;
  if (text == "symmetric") return Boundary::symmetric;
  throw ConfigError("[boundary] expected periodic or symmetric, found '{}'", text);
}

Variable symmetric_boundary(const Variable& lambda, const std::array<int64_t, 3>& volume, const Axes& axes) {
  // [] and [N] as [1,1,1,1,1] and [N,1,1,1,1]; the gradient has the shape that was given.
  const auto map_of = [](const Tensor& t) {
    return t.shape().rank() <= 1 ? t.reshape({t.numel(), 1, 1, 1, 1}) : t;
  };
  const Tensor map = map_of(lambda.value());
  bool fits = map.shape().rank() == 5 && is_floating(map.dtype());
  if (fits) {
    const Shape full{map.size(0), axes.count(), volume[0], volume[1], volume[2]};
    for (int axis = 1; axis < 5; ++axis)
      fits = fits && full[axis] > 0 && (map.size(axis) == full[axis] || map.size(axis) == 1);
  }
  if (!fits) {
    throw ShapeError(
        "[symmetric_boundary] lambda is {}, expected f32 or f64 [N,{},{},{},{}] for axes {} (or extents of 1 "
        "in it, or a scalar)",
        lambda.value().str(), axes.count(), volume[0], volume[1], volume[2], axes.str());
  }
  const Shape y_shape{map.size(0), axes.count(), volume[0], volume[1], volume[2]};
  return dispatch_floating(map.dtype(), "symmetric_boundary", [&]<class T>() {
    const Door door("symmetric_boundary", boundary_ladder.of<T>(), OnlyShape{y_shape}, map.device(),
                    [&] { return symmetric_boundary_cost(map.shape(), y_shape); });
    const auto forward = door.open("forward");
    const Tensor y = Tensor::empty(y_shape, map.dtype(), map.device());
    forward([&](const Exec& exec, const BoundaryKernels<T>& kernels) {
      kernels.forward(exec, map.device_view5<const T>(), axes, y.device_view5<T>());
    });
    return record("symmetric_boundary", y, {lambda}, [=, backward = door.phase("backward")](Gradients& g) {
      backward([&](const Exec& exec, const BoundaryKernels<T>& kernels) {
        kernels.backward(exec, g.upstream().device_view5<const T>(), axes,
                         map_of(g.grad_of(0)).template device_view5<T>());
      });
    });
  });
}

Variable weights_at(Boundary boundary, const Variable& lambda, const Shape& x, const Axes& axes) {
  if (boundary == Boundary::periodic) return lambda;
  if (x.rank() != 5) throw ShapeError("[boundary] expects a picture [N,1,D,H,W], found {}", x.str());
  return symmetric_boundary(lambda, {x[2], x[3], x[4]}, axes);
}

}  // namespace primal
