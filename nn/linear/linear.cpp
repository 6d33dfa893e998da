#include "nn/linear/linear.h"

#include "nn/linear/linear_kernels.h"
#include "tensor/error.h"
#include "tensor/range.h"

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

}  // namespace

Variable linear(const Variable& x, const Variable& weight, const Variable& bias) {
  const Shape shape = check(x.value(), weight.value(), bias);
  const Range range("linear");
  const Exec exec =
      exec_on(common_device("linear", {x.value(), weight.value(), bias.defined() ? bias.value() : Tensor()}));
  const Tensor y = Tensor::empty(shape, x.dtype(), exec.device);
  const Tensor saved_x = weight.requires_grad() ? x.value() : Tensor();
  const Tensor saved_weight = x.requires_grad() ? weight.value() : Tensor();
  return dispatch_floating(x.dtype(), "linear", [&]<class T>() {
    const LinearKernels<T>& kernels = kernels_on("linear", exec.device, linear_kernels<T>());
    kernels.forward(exec, rows<const T>(x.value()), rows<const T>(weight.value()),
                    bias.defined() ? bias.value().device_span<const T>() : std::span<const T>{}, rows<T>(y));
    return record("linear", y, {x, weight, bias}, [=, &kernels](Gradients& g) {
      const View<const T, 2> grad_y = rows<const T>(g.output());
      if (g.needs(0)) kernels.backward_x(exec, grad_y, rows<const T>(saved_weight), rows<T>(g.input(0)));
      if (g.needs(1)) kernels.backward_weight(exec, grad_y, rows<const T>(saved_x), rows<T>(g.input(1)));
      if (g.needs(2)) kernels.backward_bias(exec, grad_y, g.input(2).device_span<T>());
    });
  });
}

Linear::Linear(Initialiser& initialiser, int64_t n_in, int64_t n_out)
    : weight_(register_parameter("weight", initialiser.fan_in_uniform({n_out, n_in}, n_in))),
      bias_(register_parameter("bias", initialiser.fan_in_uniform({n_out}, n_in))) {}

}  // namespace primal
