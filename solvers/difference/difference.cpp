#include "solvers/difference/difference.h"

#include "solvers/difference/difference_kernels.h"
#include "tensor/error.h"
#include "tensor/op/door.h"

namespace primal {
namespace {

void check(const char* op, const char* name, const Variable& v, int64_t channels, const Axes& axes) {
  const Shape& shape = v.shape();
  if (!is_floating(v.dtype()) || shape.rank() != 5) {
    throw ShapeError("[{}] {} must be f32 or f64 of rank 5 (NCDHW): {}", op, name, v.value().str());
  }
  if (shape[1] != channels) {
    throw ShapeError("[{}] {} must have {} channel(s) for axes {}: {}", op, name, channels, axes.str(),
                     v.value().str());
  }
  if (shape[2] * shape[3] * shape[4] == 0) {
    throw ShapeError("[{}] {} has an empty volume: {}", op, name, v.value().str());
  }
}

}  // namespace

Variable gradient(const Variable& x, const Axes& axes) {
  check("gradient", "x", x, 1, axes);
  return dispatch_floating(x.dtype(), "gradient", [&]<class T>() {
    const Door door("gradient", difference_ladder.of<T>(), OnlyShape{x.shape()}, x.device(),
                    [&] { return gradient_cost(x.shape(), axes); });
    const auto forward = door.open("forward");
    const Tensor y = Tensor::empty(x.shape().with(1, axes.count()), x.dtype(), x.device());
    forward([&](const Exec& exec, const DifferenceKernels<T>& kernels) {
      kernels.gradient_forward(exec, x.value().device_view5<const T>(), axes, y.device_view5<T>());
    });
    return record("gradient", y, {x}, [=, backward = door.phase("backward")](Gradients& g) {
      backward([&](const Exec& exec, const DifferenceKernels<T>& kernels) {
        kernels.gradient_backward(exec, g.upstream().device_view5<const T>(), axes,
                                  g.grad_of(0).device_view5<T>());
      });
    });
  });
}

Variable gradient_adjoint(const Variable& q, const Axes& axes) {
  check("gradient_adjoint", "q", q, axes.count(), axes);
  return dispatch_floating(q.dtype(), "gradient_adjoint", [&]<class T>() {
    const Door door("gradient_adjoint", difference_ladder.of<T>(), OnlyShape{q.shape()}, q.device(),
                    [&] { return gradient_adjoint_cost(q.shape()); });
    const auto forward = door.open("forward");
    const Tensor y = Tensor::empty(q.shape().with(1, 1), q.dtype(), q.device());
    forward([&](const Exec& exec, const DifferenceKernels<T>& kernels) {
      kernels.gradient_adjoint_forward(exec, q.value().device_view5<const T>(), axes, y.device_view5<T>());
    });
    return record("gradient_adjoint", y, {q}, [=, backward = door.phase("backward")](Gradients& g) {
      backward([&](const Exec& exec, const DifferenceKernels<T>& kernels) {
        kernels.gradient_adjoint_backward(exec, g.upstream().device_view5<const T>(), axes,
                                          g.grad_of(0).device_view5<T>());
      });
    });
  });
}

}  // namespace primal
