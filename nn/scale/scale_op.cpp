// What verify, check and the tests know of scale.
#include "autograd/differentiable_op.h"
#include "nn/scale/scale.h"
#include "nn/scale/scale_kernels.h"

namespace primal {
namespace {

constexpr ImplementationInfo kPlain{kReference, "one pass"};
constexpr ImplementationInfo kElementwise{"elementwise", "one thread for each element"};

}  // namespace

template <>
std::span<const DeviceKernels<ScaleKernels<float>>> scale_kernels<float>() {
  static const DeviceKernels<ScaleKernels<float>> kernels[] = {
      PRIMAL_EACH_DEVICE(kElementwise, scale_elementwise),
      {kPlain, {cpu::scale_forward<float>, cpu::scale_backward<float>}}};
  return kernels;
}

template <>
std::span<const DeviceKernels<ScaleKernels<double>>> scale_kernels<double>() {
  static constexpr DeviceKernels<ScaleKernels<double>> kernels[] = {
      {kPlain, {cpu::scale_forward<double>, cpu::scale_backward<double>}}};
  return kernels;
}

PhaseCosts scale_cost(const Shape& x) {
  const double n = elements_of(x);
  return map_cost(n, n, n, n);
}

OpInfo scale_info() {
  OpInfo info;
  info.name = "scale";
  info.equation = "y = a x";
  info.run = differentiable([](const VariableMap& inputs, const Attributes& attrs) -> VariableMap {
    return {{"y", scale(required(inputs, "x"), attrs.value("a", 1.0))}};
  });
  info.judge = judge_relative_l2(1e-6, 1e-6);
  info.corner_cases = {{"scalar", {{"a", 0.25}}, {{"x", Shape{}}}},
                       {"odd", {{"a", -3.0}}, {{"x", {3, 5}}}},
                       {"several_blocks", {{"a", 1.5}}, {{"x", {7, 100}}}},
                       {"empty", {{"a", 1.5}}, {{"x", {0, 3}}}}};
  info.stages = {{"step", {{"a", 1.0 / 3.0}}, {{"x", Shape{}}}}};
  info.cost = [](const OpShapes& s) { return scale_cost(s.in("x")); };
  info.linear_in = {"x"};
  info.implementations = infos_of(scale_kernels<float>());
  return info;
}

}  // namespace primal
