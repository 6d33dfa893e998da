// The ladder of the activations, and what verify, check and the tests know of them.
#include "autograd/differentiable_op.h"
#include "nn/activation/activation.h"
#include "nn/activation/activation_kernels.h"

namespace primal {
namespace {

constexpr const ActivationImplementation<float>* kF32[] = {PRIMAL_DEVICES(activation_elementwise),
                                                           &cpu::activation_reference_f32};
constexpr const ActivationImplementation<double>* kF64[] = {&cpu::activation_reference_f64};

}  // namespace

const Ladder<ActivationImplementation> activation_ladder{kF32, kF64};

PhaseCosts activation_cost(const Shape& x, ActivationKind kind) {
  const auto of = [n = elements_of(x)](double forward, double backward) {
    return map_cost(n, n, forward * n, backward * n, n);  // backward also reads what is saved
  };
  switch (kind) {
    case ActivationKind::relu:
      return of(1.0, 1.0);
    case ActivationKind::leaky_relu:
      return of(2.0, 2.0);
    case ActivationKind::sigmoid:
      return of(3.0, 3.0);
    case ActivationKind::softplus:
      return of(5.0, 4.0);
  }
  return {};
}

namespace {

// `options`: the cases of the options that only this activation has.
OpInfo activation_info(std::string name, std::string equation, double tolerance,
                       std::function<ActivationParams(const Attributes&)> params_of,
                       const std::vector<OpCase>& options = {}) {
  OpInfo info;
  info.name = std::move(name);
  info.equation = std::move(equation);
  info.run = differentiable([params_of](const VariableMap& inputs, const Attributes& attrs) -> VariableMap {
    return {{"y", activation(required(inputs, "x"), params_of(attrs))}};
  });
  info.cost = [params_of](const OpShapes& s) { return activation_cost(s.in("x"), params_of(s.attrs).kind); };
  info.judge = judge_relative_l2(tolerance, tolerance);
  info.corner_cases = {
      {"one_element", {}, {{"x", {1}}}},
      {"odd_extents", {}, {{"x", {2, 3, 1, 5, 7}}}},
      {"large_values", {}, {{"x", {64}, OpInput::Fill::uniform, -40.0, 40.0}}},
      {"empty_batch", {}, {{"x", {0, 3, 1, 4, 4}}}},
  };
  info.corner_cases.insert(info.corner_cases.end(), options.begin(), options.end());
  info.stages = {{"e0", {}, {{"x", {1, 32, 1, 256, 256}}}}};
  info.implementations = infos_of(activation_ladder.f32);
  return info;
}

}  // namespace

OpInfo relu_info() {
  return activation_info("relu", "y = max(x, 0)", 1e-6,
                         [](const Attributes&) { return ActivationParams{.kind = ActivationKind::relu}; });
}

OpInfo leaky_relu_info() {
  const auto sloped = [](const char* name, double slope) {
    return OpCase{name, {{"slope", slope}}, {{"x", {2, 3, 1, 5, 7}}}};
  };
  return activation_info("leaky_relu", "y = x > 0 ? x : slope x", 1e-6,
                         [](const Attributes& attrs) {
                           return ActivationParams{.kind = ActivationKind::leaky_relu,
                                                   .slope = attrs.value("slope", ActivationParams{}.slope)};
                         },
                         {sloped("slope_zero", 0.0), sloped("slope", 0.2), sloped("slope_above_one", 1.7)});
}

OpInfo sigmoid_info() {
  return activation_info("sigmoid", "y = 1 / (1 + exp(-x))", 2e-6,
                         [](const Attributes&) { return ActivationParams{.kind = ActivationKind::sigmoid}; });
}

OpInfo softplus_info() {
  // Values within `range` of threshold / beta, where the two branches meet.
  const auto around = [](const char* name, double beta, double threshold, double range) {
    return OpCase{name,
                  {{"beta", beta}, {"threshold", threshold}},
                  {{"x", {64}, OpInput::Fill::uniform, threshold / beta - range, threshold / beta + range}}};
  };
  return activation_info(
      "softplus", "y = log(1 + exp(beta x)) / beta", 2e-6,
      [](const Attributes& attrs) {
        return ActivationParams{.kind = ActivationKind::softplus,
                                .beta = attrs.value("beta", ActivationParams{}.beta),
                                .threshold = attrs.value("threshold", ActivationParams{}.threshold)};
      },
      {around("steep", 5.0, 2.0, 1.0), around("flat", 0.25, 1.0, 8.0),
       around("threshold_zero", 2.0, 0.0, 1.0), around("threshold_below_zero", 1.0, -1.0, 3.0),
       around("high_threshold", 3.0, 120.0, 10.0)});
}

}  // namespace primal
