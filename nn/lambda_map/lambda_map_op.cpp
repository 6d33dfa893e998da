// What verify, check and the tests know of lambda_map.
#include "autograd/differentiable_op.h"
#include "nn/lambda_map/lambda_map.h"
#include "nn/lambda_map/lambda_map_kernels.h"

namespace primal {
namespace {

constexpr ImplementationInfo kPlain{kReference,
                                    "one pass; axes that share a head channel copy the first one's map"};
constexpr ImplementationInfo kSimd{"simd", "a vector of cells at a time, exp and log as polynomials"};
constexpr ImplementationInfo kElementwise{"elementwise", "one thread for each cell of a map"};

bool anything(const LambdaMapGeometry&) { return true; }

}  // namespace

std::string key(const LambdaMapGeometry& g) { return g.head.str(); }

template <>
std::span<const Implementation<LambdaMapGeometry, LambdaMapKernels<float>>> lambda_map_ladder<float>() {
  static const Implementation<LambdaMapGeometry, LambdaMapKernels<float>> ladder[] = {
      PRIMAL_ON_DEVICES(kElementwise, anything, lambda_map_elementwise),
      {kSimd, anything, {cpu::lambda_map_forward_simd, cpu::lambda_map_backward_simd}},
      {kPlain, anything, {cpu::lambda_map_forward<float>, cpu::lambda_map_backward<float>}}};
  return ladder;
}

template <>
std::span<const Implementation<LambdaMapGeometry, LambdaMapKernels<double>>> lambda_map_ladder<double>() {
  static constexpr Implementation<LambdaMapGeometry, LambdaMapKernels<double>> ladder[] = {
      {kPlain, anything, {cpu::lambda_map_forward<double>, cpu::lambda_map_backward<double>}}};
  return ladder;
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
      {"odd_width_bounded", {{"up_bound", 2.0}, {"channel", {1, 0}}}, {{"x", {2, 3, 1, 7, 23}}}},
      {"empty_batch", Attributes::object(), {{"x", {0, 2, 1, 4, 4}}}},
  };
  info.stages = {{"head", Attributes::object(), {{"x", {1, 2, 1, 256, 256}}}}};
  info.implementations = infos_of(lambda_map_ladder<float>());
  return info;
}

}  // namespace primal
