// An op of your own, without touching Primal's sources: the function, its adjoint, its description, and every
// proof that `primal check` runs on Primal's own ops.
//
//   smooth_abs: y = sqrt(x^2 + e^2), an absolute value without a kink
//   Shapes:     x any -> y the same.   Saved: x and y.   Adjoint: grad_x += grad_y x / y
#include <cmath>
#include <cstdio>
#include <primal/autograd/differentiable_op.h>
#include <primal/autograd/op_check.h>
#include <primal/tensor/error.h>

using namespace primal;

Variable smooth_abs(const Variable& x, double e) {
  if (!(e > 0.0)) throw ConfigError("[smooth_abs] e must be above 0, found {}", e);
  return dispatch_floating(x.dtype(), "smooth_abs", [&]<class T>() {
    const Tensor y = Tensor::empty(x.shape(), x.dtype());
    const std::span<const T> from = x.value().span<const T>();
    const std::span<T> to = y.span<T>();
    for (size_t i = 0; i < from.size(); ++i) to[i] = std::sqrt(from[i] * from[i] + static_cast<T>(e * e));
    return record("smooth_abs", y, {x}, [saved_x = x.value(), y](Gradients& gradients) {
      const std::span<const T> grad_y = gradients.upstream().span<const T>();
      const std::span<const T> values_x = saved_x.span<const T>(), values_y = y.span<const T>();
      const std::span<T> grad_x = gradients.grad_of(0).span<T>();  // the backward adds, the tape has zeroed
      for (size_t i = 0; i < grad_x.size(); ++i) grad_x[i] += grad_y[i] * values_x[i] / values_y[i];
    });
  });
}

// What the proofs need to know: how to call it by name, its corner cases, and what may differ in float32.
OpInfo smooth_abs_info() {
  OpInfo info;
  info.name = "smooth_abs";
  info.equation = "y = sqrt(x^2 + e^2)";
  info.run = differentiable([](const VariableMap& inputs, const Attributes& attrs) -> VariableMap {
    return {{"y", smooth_abs(required(inputs, "x"), attrs.value("e", 0.1))}};
  });
  info.judge = judge_relative_l2(1e-6, 1e-6);
  info.corner_cases = {{"scalar", {{"e", 0.5}}, {{"x", Shape{}}}},
                       {"odd", {{"e", 0.01}}, {{"x", {3, 5}}}},
                       {"empty", {{"e", 1.0}}, {{"x", {0, 3}}}}};
  info.implementations = {{kReference, "one pass"}};
  return info;
}

int main() {
  bool all_hold = true;
  for (const OpCheckRow& row : check_op(smooth_abs_info())) {
    std::printf("%-8s %-20s %10.2e  %s\n", row.op_case.c_str(), row.proof.c_str(), row.error,
                row.ok ? "ok" : row.message.c_str());
    all_hold = all_hold && row.ok;
  }
  return all_hold ? 0 : 6;
}
