#include "nn/linear/linear.h"

#include "nn/linear/linear_kernels.h"
#include "tensor/error.h"
#include "tensor/op/door.h"

namespace primal {
namespace {

// Checks the call and returns the shape of y.
Shape check(const Tensor& x, const Tensor& weight, const Variable& bias) {
  if (!is_floating(x.dtype()) || x.shape().rank() < 1)
    throw ShapeError("[linear] x must be f32 or f64 [..,C]: {}", x.str());
  if (weight.dtype() != x.dtype() || weight.shape().rank() != 2)
    throw ShapeError("[linear] weight must be {} [O,C]: {}", name_of(x.dtype()), weight.str());
  if (weight.size(1) != x.size(-1)) {
    throw ShapeError("[linear] weight expects {} features, x has {}: x={} weight={}", weight.size(1),
                     x.size(-1), x.shape().str(), weight.shape().str());
  }
  if (bias.defined() && (bias.dtype() != x.dtype() || bias.shape() != Shape{weight.size(0)})) {
    throw ShapeError("[linear] bias must be {}[{}]: {}", name_of(x.dtype()), weight.size(0),
                     bias.value().str());
  }
  return x.shape().with(-1, weight.size(0));
}

// [.., n] as [N, n]
template <class T>
View<T, 2> rows(const Tensor& t) {
  const int64_t n = t.size(-1);
  int64_t n_rows = 1;
  for (int a = 0; a + 1 < t.shape().rank(); ++a) n_rows *= t.size(a);
  return {t.device_span<T>().data(), {n_rows, n}};
}

template <class T>
Variable run(const Variable& x, const Variable& weight, const Variable& bias, const Shape& y_shape) {
  const Tensor bias_value = bias.defined() ? bias.value() : Tensor();
  const Device device = common_device("linear", {x.value(), weight.value(), bias_value});
  const auto x_rows = rows<const T>(x.value());
  const LinearGeometry geometry{x_rows.size(0), x_rows.size(1), weight.shape()[0]};
  const Door door("linear", linear_ladder.of<T>(), geometry, device, [&] { return linear_cost(geometry); });
  const auto forward = door.open("forward");
  const Tensor y = Tensor::empty(y_shape, x.dtype(), device);
  forward([&](const Exec& exec, const LinearKernels<T>& kernels) {
    kernels.forward(exec, x_rows, rows<const T>(weight.value()),
                    bias.defined() ? bias_value.device_span<const T>() : std::span<const T>{}, rows<T>(y));
  });
  if (!will_record({x, weight, bias})) return Variable(y);
  const Tensor saved_x = weight.requires_grad() ? x.value() : Tensor();
  const Tensor saved_weight = x.requires_grad() ? weight.value() : Tensor();
  const auto data = x.requires_grad() ? door.phase("backward_data") : Phase<LinearKernels<T>>();
  const auto weights = door.phase("backward_weights");
  return record("linear", y, {x, weight, bias}, [=](Gradients& g) {
    const View<const T, 2> grad_y = rows<const T>(g.upstream());
    if (g.needs(0)) {
      const View<T, 2> grad_x = rows<T>(g.grad_of(0));
      data([&](const Exec& exec, const LinearKernels<T>& kernels) {
        kernels.backward_data(exec, grad_y, rows<const T>(saved_weight), grad_x);
      });
    }
    if (g.needs(1) || g.needs(2)) {
      const View<T, 2> grad_weight = g.needs(1) ? rows<T>(g.grad_of(1)) : View<T, 2>{};
      const std::span<T> grad_bias = g.needs(2) ? g.grad_of(2).device_span<T>() : std::span<T>{};
      weights([&](const Exec& exec, const LinearKernels<T>& kernels) {
        kernels.backward_weights(exec, saved_x.defined() ? rows<const T>(saved_x) : View<const T, 2>{},
                                 grad_y, grad_weight, grad_bias);
      });
    }
  });
}

}  // namespace

Variable linear(const Variable& x, const Variable& weight, const Variable& bias) {
  const Shape shape = check(x.value(), weight.value(), bias);
  return dispatch_floating(x.dtype(), "linear", [&]<class T>() { return run<T>(x, weight, bias, shape); });
}

Linear::Linear(Initialiser& initialiser, int64_t n_in, int64_t n_out)
    : weight_(register_parameter("weight", initialiser.fan_in_uniform({n_out, n_in}, n_in))),
      bias_(register_parameter("bias", initialiser.fan_in_uniform({n_out}, n_in))) {}

}  // namespace primal
