#include "nn/activation/activation.h"

#include "nn/activation/activation_kernels.h"
#include "tensor/error.h"
#include "tensor/range.h"

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
  const Range range(op, nullptr,
                    [&] { return range_detail(activation_cost(x.shape(), params.kind), x.shape().str()); });
  const Exec exec = exec_on(x.device());
  const Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
  return dispatch_floating(x.dtype(), op, [&]<class T>() {
    const ActivationKernels<T>& kernels = kernels_on(op, x.device(), activation_kernels<T>());
    kernels.forward(exec, x.value().device_span<const T>(), params, y.device_span<T>());
    return record(op, y, {x}, [=, &kernels](Gradients& g) {
      kernels.backward(exec, y.device_span<const T>(), g.output().device_span<const T>(), params,
                       g.input(0).device_span<T>());
    });
  });
}

}  // namespace primal
