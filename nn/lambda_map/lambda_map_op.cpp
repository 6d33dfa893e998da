// What verify, check and the tests know of lambda_map.
#include "autograd/differentiable_op.h"
#include "nn/lambda_map/lambda_map.h"
#include "nn/lambda_map/lambda_map_kernels.h"

namespace primal {
namespace {

constexpr ImplementationInfo kPlain{kReference,
                                    "one pass; axes that share a head channel copy the first one's map"};
constexpr ImplementationInfo kElementwise{"elementwise", "one thread for each cell of a map"};

}  // namespace

template <>
std::span<const DeviceKernels<LambdaMapKernels<float>>> lambda_map_kernels<float>() {
  static const DeviceKernels<LambdaMapKernels<float>> kernels[] = {
      PRIMAL_EACH_DEVICE(kElementwise, lambda_map_elementwise),
      {kPlain, {cpu::lambda_map_forward<float>, cpu::lambda_map_backward<float>}}};
  return kernels;
}

template <>
std::span<const DeviceKernels<LambdaMapKernels<double>>> lambda_map_kernels<double>() {
  static constexpr DeviceKernels<LambdaMapKernels<double>> kernels[] = {
      {kPlain, {cpu::lambda_map_forward<double>, cpu::lambda_map_backward<double>}}};
  return kernels;
}

PhaseCosts lambda_map_cost(const Shape& lambda) {
  const double n = elements_of(lambda);  // of the head only the channels that are used are read
  return map_cost(n, n, 5.0 * n, 4.0 * n, n);
}

OpInfo lambda_map_info() {
  OpInfo info;
  info.name = "lambda_map";
  info.equation = "Lambda[n,a] = scale softplus(head[n,channel[a]]), or up_bound sigmoid(.)";
  info.run = differentiable([](const VariableMap& inputs, const Attributes& attrs) -> VariableMap {
    LambdaMapParams params;
    params.channel = attrs.value("channel", params.channel);
    params.up_bound = attrs.value("up_bound", params.up_bound);
    params.scale = attrs.value("scale", params.scale);
    return {{"y", lambda_map(required(inputs, "x"), params)}};
  });
  info.cost = [](const OpShapes& s) { return lambda_map_cost(s.out()); };
  info.judge = judge_relative_l2(2e-6, 2e-6);
  info.corner_cases = {
      {"picture", Attributes::object(), {{"x", {2, 2, 1, 5, 3}}}},
      {"two_axes", {{"channel", {0, 0}}}, {{"x", {2, 2, 1, 3, 4}}}},
      {"bounded", {{"up_bound", 0.5}}, {{"x", {1, 2, 1, 4, 7}}}},
      {"sequence", {{"channel", {1, 0, 0}}, {"scale", 0.3}}, {{"x", {1, 2, 3, 4, 5}}}},
      {"one_pixel", {{"channel", {0}}}, {{"x", {1, 1, 1, 1, 1}}}},
      {"far_out", Attributes::object(), {{"x", {1, 2, 1, 6, 6}, OpInput::Fill::uniform, -30.0, 30.0}}},
      {"several_blocks", {{"channel", {1, 1}}}, {{"x", {2, 2, 1, 20, 31}}}},
      {"empty_batch", Attributes::object(), {{"x", {0, 2, 1, 4, 4}}}},
  };
  info.stages = {{"head", Attributes::object(), {{"x", {1, 2, 1, 256, 256}}}}};
  info.implementations = infos_of(lambda_map_kernels<float>());
  return info;
}

}  // namespace primal
