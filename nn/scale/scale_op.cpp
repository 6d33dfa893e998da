// The ladder of scale, and what verify, check and the tests know of it.
#include "autograd/differentiable_op.h"
#include "nn/scale/scale.h"
#include "nn/scale/scale_kernels.h"

namespace primal {
namespace {

constexpr const ScaleImplementation<float>* kF32[] = {PRIMAL_DEVICES(scale_elementwise),
                                                      &cpu::scale_reference_f32};
constexpr const ScaleImplementation<double>* kF64[] = {&cpu::scale_reference_f64};

}  // namespace

const Ladder<ScaleImplementation> scale_ladder{kF32, kF64};

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
                       {"zero", {{"a", 0.0}}, {{"x", {3, 5}}}},
                       {"absent", {}, {{"x", {3, 5}}}},
                       {"odd", {{"a", -3.0}}, {{"x", {3, 5}}}},
                       {"several_blocks", {{"a", 1.5}}, {{"x", {7, 100}}}},
                       {"empty", {{"a", 1.5}}, {{"x", {0, 3}}}}};
  info.stages = {{"step", {{"a", 1.0 / 3.0}}, {{"x", Shape{}}}}};
  info.cost = [](const OpShapes& s) { return scale_cost(s.in("x")); };
  info.linear_in = {"x"};
  info.implementations = infos_of(scale_ladder.f32);
  return info;
}

}  // namespace primal
