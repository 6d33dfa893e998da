// What verify, check and the tests know of the activations.
#include "autograd/differentiable_op.h"
#include "nn/activation/activation.h"
#include "nn/activation/activation_kernels.h"

namespace primal {
namespace {

constexpr ImplementationInfo kPlain{kReference, "one pass over the elements, split into chunks of 64 KB"};
constexpr ImplementationInfo kElementwise{"elementwise", "one thread for each element"};

}  // namespace

template <>
std::span<const DeviceKernels<ActivationKernels<float>>> activation_kernels<float>() {
  static const DeviceKernels<ActivationKernels<float>> kernels[] = {
      PRIMAL_EACH_DEVICE(kElementwise, activation_elementwise),
      {kPlain, {cpu::activation_forward<float>, cpu::activation_backward<float>}}};
  return kernels;
}

template <>
std::span<const DeviceKernels<ActivationKernels<double>>> activation_kernels<double>() {
  static constexpr DeviceKernels<ActivationKernels<double>> kernels[] = {
      {kPlain, {cpu::activation_forward<double>, cpu::activation_backward<double>}}};
  return kernels;
}

PhaseCosts activation_cost(const Shape& x, ActivationKind kind) {
  const auto of = [n = elements_of(x)](double forward, double backward) {
    return map_cost(n, n, forward * n, backward * n, n);  // backward reads y
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

OpInfo activation_info(std::string name, std::string equation, double tolerance,
                       std::function<ActivationParams(const Attributes&)> params_of) {
  OpInfo info;
  info.name = std::move(name);
  info.equation = std::move(equation);
  info.run = differentiable([params_of](const VariableMap& inputs, const Attributes& attrs) -> VariableMap {
    return {{"y", activation(required(inputs, "x"), params_of(attrs))}};
  });
  info.cost = [params_of](const OpShapes& s) { return activation_cost(s.in("x"), params_of(s.attrs).kind); };
  info.judge = judge_relative_l2(tolerance, tolerance);
  info.corner_cases = {
      {"one_element", Attributes::object(), {{"x", {1}}}},
      {"odd_extents", Attributes::object(), {{"x", {2, 3, 1, 5, 7}}}},
      {"large_values", Attributes::object(), {{"x", {64}, OpInput::Fill::uniform, -40.0, 40.0}}},
      {"empty_batch", Attributes::object(), {{"x", {0, 3, 1, 4, 4}}}},
  };
  info.stages = {{"e0", Attributes::object(), {{"x", {1, 32, 1, 256, 256}}}}};
  info.implementations = infos_of(activation_kernels<float>());
  return info;
}

}  // namespace

OpInfo relu_info() {
  return activation_info("relu", "y = max(x, 0)", 1e-6,
                         [](const Attributes&) { return ActivationParams{.kind = ActivationKind::relu}; });
}

OpInfo leaky_relu_info() {
  return activation_info("leaky_relu", "y = x > 0 ? x : slope x", 1e-6, [](const Attributes& attrs) {
    return ActivationParams{.kind = ActivationKind::leaky_relu, .slope = attrs.value("slope", 0.01)};
  });
}

OpInfo sigmoid_info() {
  return activation_info("sigmoid", "y = 1 / (1 + exp(-x))", 2e-6,
                         [](const Attributes&) { return ActivationParams{.kind = ActivationKind::sigmoid}; });
}

OpInfo softplus_info() {
  return activation_info("softplus", "y = log(1 + exp(beta x)) / beta", 2e-6, [](const Attributes& attrs) {
    return ActivationParams{.kind = ActivationKind::softplus,
                            .beta = attrs.value("beta", 1.0),
                            .threshold = attrs.value("threshold", 20.0)};
  });
}

}  // namespace primal
