#include "nn/scale/scale.h"

#include "autograd/differentiable_op.h"
#include "tensor/range.h"

namespace primal {

namespace {

// One multiplication a value, each way.
PhaseCosts cost_of(const Shape& x) {
  const double n = elements_of(x);
  return map_cost(n, n, n, n);
}

}  // namespace

// Used on scalars, so plain loops are all it needs.
Variable scale(const Variable& x, double a) {
  const Range range("scale", nullptr, [&] { return range_detail(cost_of(x.shape()), x.shape().str()); });
  const Tensor y = Tensor::empty(x.shape(), x.dtype());
  dispatch_floating(x.dtype(), "scale", [&]<class T>() {
    const std::span<T> from = x.value().span<T>();
    for (size_t i = 0; i < from.size(); ++i) y.data<T>()[i] = static_cast<T>(a) * from[i];
  });
  return record("scale", y, {x}, [a](Gradients& g) {
    dispatch_floating(g.output().dtype(), "scale", [&]<class T>() {
      const std::span<T> grad_y = g.output().span<T>();
      T* grad_x = g.input(0).data<T>();
      for (size_t i = 0; i < grad_y.size(); ++i) grad_x[i] += static_cast<T>(a) * grad_y[i];
    });
  });
}

OpInfo scale_info() {
  OpInfo info;
  info.name = "scale";
  info.equation = "y = a x";
  info.run = differentiable([](const VariableMap& inputs, const Attributes& attrs) -> VariableMap {
    return {{"y", scale(required(inputs, "x"), attrs.value("a", 1.0))}};
  });
  info.judge = judge_relative_l2(1e-6, 1e-6);
  info.corner_cases = {{"scalar", {{"a", 0.25}}, {{"x", Shape{}}}}, {"odd", {{"a", -3.0}}, {{"x", {3, 5}}}}};
  info.stages = {{"step", {{"a", 1.0 / 3.0}}, {{"x", Shape{}}}}};
  info.cost = [](const OpShapes& s) { return cost_of(s.in("x")); };
  info.linear_in = {"x"};
  info.implementations = {{kReference, "one pass"}};
  return info;
}

}  // namespace primal
