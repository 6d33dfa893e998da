#include "solvers/difference/difference.h"

#include "solvers/difference/difference_kernels.h"
#include "tensor/error.h"
#include "tensor/range.h"

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
  const Range range("gradient");
  const Tensor y = Tensor::empty(x.shape().with(1, axes.count()), x.dtype(), x.device());
  const Exec exec = exec_on(x.device());
  return dispatch_floating(x.dtype(), "gradient", [&]<class T>() {
    const DifferenceKernels<T>& kernels = kernels_on("gradient", x.device(), difference_kernels<T>());
    kernels.gradient_forward(exec, x.value().device_view5<const T>(), axes, y.device_view5<T>());
    return record("gradient", y, {x}, [=, &kernels](Gradients& g) {
      kernels.gradient_backward(exec, g.output().device_view5<const T>(), axes, g.input(0).device_view5<T>());
    });
  });
}

Variable gradient_adjoint(const Variable& q, const Axes& axes) {
  check("gradient_adjoint", "q", q, axes.count(), axes);
  const Range range("gradient_adjoint");
  const Tensor y = Tensor::empty(q.shape().with(1, 1), q.dtype(), q.device());
  const Exec exec = exec_on(q.device());
  return dispatch_floating(q.dtype(), "gradient_adjoint", [&]<class T>() {
    const DifferenceKernels<T>& kernels = kernels_on("gradient_adjoint", q.device(), difference_kernels<T>());
    kernels.gradient_adjoint_forward(exec, q.value().device_view5<const T>(), axes, y.device_view5<T>());
    return record("gradient_adjoint", y, {q}, [=, &kernels](Gradients& g) {
      kernels.gradient_adjoint_backward(exec, g.output().device_view5<const T>(), axes,
                                        g.input(0).device_view5<T>());
    });
  });
}

}  // namespace primal
