#include "nn/activation/activation.h"

#include "nn/activation/activation_kernels.h"
#include "tensor/error.h"
#include "tensor/op/door.h"

namespace primal {
namespace {

const char* name_of(ActivationKind kind) {
  switch (kind) {
    case ActivationKind::relu:
      return "relu";
    case ActivationKind::leaky_relu:
      return "leaky_relu";
    case ActivationKind::sigmoid:
      return "sigmoid";
    case ActivationKind::softplus:
      return "softplus";
  }
  return "activation";
}

void check(const Variable& x, const ActivationParams& params) {
  const char* op = name_of(params.kind);
  if (!x.defined() || !is_floating(x.dtype()))
    throw ShapeError("[{}] x must be f32 or f64: {}", op, x.value().str());
  if (!(params.slope >= 0.0)) throw ShapeError("[{}] slope {} is below zero", op, params.slope);
  if (!(params.beta > 0.0)) throw ShapeError("[{}] beta {} is not above zero", op, params.beta);
}

}  // namespace

Variable activation(const Variable& x, const ActivationParams& params) {
  check(x, params);
  const char* op = name_of(params.kind);
  return dispatch_floating(x.dtype(), op, [&]<class T>() {
    const Door door(op, activation_ladder.of<T>(), OnlyShape{x.shape()}, x.device(),
                    [&] { return activation_cost(x.shape(), params.kind); });
    const auto forward = door.open("forward");
    const Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
    forward([&](const Exec& exec, const ActivationKernels<T>& kernels) {
      kernels.forward(exec, x.value().device_span<const T>(), params, y.device_span<T>());
    });
    const Tensor saved = saves_x(params.kind) ? x.value() : y;
    return record(op, y, {x}, [=, backward = door.phase("backward")](Gradients& g) {
      backward([&](const Exec& exec, const ActivationKernels<T>& kernels) {
        kernels.backward(exec, saved.device_span<const T>(), g.upstream().device_span<const T>(), params,
                         g.grad_of(0).device_span<T>());
      });
    });
  });
}

}  // namespace primal
