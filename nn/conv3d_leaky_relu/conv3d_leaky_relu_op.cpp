// What verify, check, the tests and the benches know of conv3d_leaky_relu.
#include "autograd/differentiable_op.h"
#include "nn/conv3d/conv3d_kernels.h"
#include "nn/conv3d_leaky_relu/conv3d_leaky_relu.h"

namespace primal {
namespace {

// second: channels of the second part, or 0 for one part.
OpCase make_case(std::string name, Shape x, int64_t second, int64_t n_out,
                 std::array<int64_t, 3> kernel = {1, 3, 3}, std::array<int64_t, 3> stride = {1, 1, 1}) {
  OpCase op_case;
  op_case.name = std::move(name);
  const std::array<int64_t, 3> padding{kernel[0] / 2, kernel[1] / 2, kernel[2] / 2};
  op_case.attrs = {{"stride", stride}, {"padding", padding}, {"slope", 0.01}};
  const int64_t n_in = x[1];
  op_case.inputs = {{"x", x}};
  if (second > 0) op_case.inputs.push_back({"x2", x.with(1, second)});
  op_case.inputs.push_back({"weight", {n_out, n_in + second, kernel[0], kernel[1], kernel[2]}});
  op_case.inputs.push_back({"bias", {n_out}});
  return op_case;
}

std::vector<OpCase> corner_cases() {
  std::vector<OpCase> cases{
      make_case("one_part", {2, 3, 1, 9, 13}, 0, 5),
      make_case("two_parts", {2, 3, 1, 9, 13}, 4, 5),
      make_case("one_pixel", {1, 1, 1, 1, 1}, 1, 1),
      make_case("wide_channels", {1, 20, 1, 9, 17}, 0, 24),
      make_case("wide_parts", {2, 16, 1, 10, 18}, 21, 17),
      make_case("a_part_within_a_vector", {1, 11, 1, 8, 35}, 9, 16),
      make_case("frames", {1, 9, 3, 8, 8}, 8, 16),
      make_case("pointwise", {2, 5, 2, 3, 7}, 6, 3, {1, 1, 1}),
      make_case("full_3x3x3", {1, 2, 3, 4, 5}, 2, 3, {3, 3, 3}),
      make_case("wide_3x3x3", {1, 9, 5, 6, 18}, 8, 17, {3, 3, 3}),
      make_case("stride_2", {1, 3, 1, 8, 7}, 0, 4, {1, 3, 3}, {1, 2, 2}),
      make_case("empty_batch", {0, 3, 1, 4, 4}, 2, 2),
  };
  // Another slope, in each kind of geometry that an implementation of its own may take: forward applies it
  // to y, backward to grad_y.
  const auto sloped = [&](double slope, OpCase op_case) {
    op_case.attrs["slope"] = slope;
    cases.push_back(std::move(op_case));
  };
  sloped(0.0, make_case("relu", {2, 3, 1, 9, 13}, 4, 5));
  sloped(0.3, make_case("slope", {2, 3, 1, 9, 13}, 0, 5));
  sloped(0.3, make_case("slope_wide", {1, 20, 1, 9, 17}, 12, 24));
  sloped(0.0, make_case("relu_wide", {1, 20, 1, 9, 17}, 0, 24));
  sloped(1.6, make_case("slope_above_one", {1, 16, 1, 10, 18}, 16, 17));
  sloped(0.3, make_case("slope_one_channel", {1, 1, 1, 18, 37}, 0, 8));
  sloped(0.3, make_case("slope_pointwise", {2, 5, 2, 3, 7}, 6, 3, {1, 1, 1}));
  sloped(0.3, make_case("slope_full_3x3x3", {1, 2, 3, 4, 5}, 2, 3, {3, 3, 3}));
  sloped(0.3, make_case("slope_3x3x3_one_channel", {1, 1, 5, 9, 7}, 0, 9, {3, 3, 3}));
  sloped(0.0, make_case("relu_3x3x3", {2, 5, 5, 6, 18}, 0, 17, {3, 3, 3}));
  sloped(0.3, make_case("slope_stride_2", {1, 3, 1, 8, 7}, 2, 4, {1, 3, 3}, {1, 2, 2}));
  const auto padded = [&](const std::array<int64_t, 3>& padding, OpCase op_case) {
    op_case.attrs["padding"] = padding;
    cases.push_back(std::move(op_case));
  };
  padded({0, 0, 0}, make_case("no_padding", {1, 9, 1, 9, 13}, 4, 8));
  padded({0, 2, 1}, make_case("padding_by_axis", {1, 9, 1, 9, 13}, 4, 8));
  OpCase no_bias = make_case("no_bias", {1, 2, 1, 4, 5}, 3, 3);
  no_bias.inputs.pop_back();
  cases.push_back(std::move(no_bias));
  OpCase picture = make_case("picture", {1, 1, 1, 18, 21}, 0, 7);
  picture.inputs.front().differentiable = false;
  cases.push_back(std::move(picture));
  return cases;
}

}  // namespace

OpInfo conv3d_leaky_relu_info() {
  OpInfo info;
  info.name = "conv3d_leaky_relu";
  info.equation = "y = leaky_relu(conv3d([x, x2], weight, bias))";
  info.run = differentiable([](const VariableMap& inputs, const Attributes& attrs) -> VariableMap {
    const Conv3dParams params{attribute_triple(attrs, "stride", {1, 1, 1}),
                              attribute_triple(attrs, "padding", {0, 0, 0})};
    std::vector<Variable> xs{required(inputs, "x")};
    if (const Variable second = optional(inputs, "x2"); second.defined()) xs.push_back(second);
    return {{"y", conv3d_leaky_relu(xs, required(inputs, "weight"), optional(inputs, "bias"), params,
                                    attrs.value("slope", 0.01))}};
  });
  info.judge = judge_relative_l2(2e-6, 5e-6);
  info.corner_cases = corner_cases();
  info.stages = {make_case("e0b", {1, 32, 1, 256, 256}, 0, 32), make_case("e2b", {1, 128, 1, 64, 64}, 0, 128),
                 make_case("d2a", {1, 128, 1, 64, 64}, 128, 128),
                 make_case("d0a", {1, 32, 1, 256, 256}, 32, 32)};
  info.cost = [](const OpShapes& s) {
    const int64_t second = s.has("x2") ? s.in("x2")[1] : 0;
    const PhaseCosts of_conv = conv3d_cost(s.in("x").with(1, s.in("x")[1] + second), s.in("weight"), s.out());
    const Cost &data = of_conv.at("backward_data"), &weights = of_conv.at("backward_weights");
    return PhaseCosts{{"forward", of_conv.at("forward")},
                      {"backward", {data.flops + weights.flops, data.bytes + weights.bytes}}};
  };
  info.chooses = "conv3d";
  info.implementations = infos_of(conv3d_ladder.f32);
  return info;
}

}  // namespace primal
