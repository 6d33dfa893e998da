#include "nn/conv_transpose3d/conv_transpose3d.h"

#include <gtest/gtest.h>

#include "nn/conv3d/conv3d.h"
#include "support/op_test.h"
#include "tensor/error.h"
#include "tensor/exec.h"

namespace primal {
namespace {

Variable leaf(const Shape& shape, const std::vector<double>& values) {
  return {Tensor::from(shape, values), true};
}

std::string message_of(const Shape& x, const Shape& weight, const Variable& bias = {},
                       const ConvTranspose3dParams& params = {}) {
  try {
    conv_transpose3d(Tensor::zeros(x), Tensor::zeros(weight), bias, params);
  } catch (const ShapeError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(ConvTranspose3d, IsProven) { expect_op_proven(conv_transpose3d_info()); }

TEST(ConvTranspose3d, MatchesHandArithmetic) {
  // Two inputs, three taps, stride 2: taps land at 0 1 2 and 2 3 4; the output padding adds a place without
  // any.
  const Variable x = leaf({1, 1, 1, 1, 2}, {1, 10});
  const Variable weight = leaf({1, 1, 1, 1, 3}, {1, 2, 3});
  const Variable bias = leaf({1}, {0.5});
  const Variable y = conv_transpose3d(x, weight, bias, {.stride = {1, 1, 2}, .output_padding = {0, 0, 1}});
  EXPECT_EQ(y.value().to_doubles(), (std::vector<double>{1.5, 2.5, 13.5, 20.5, 30.5, 0.5}));
  y.backward(Tensor::from(y.shape(), std::vector<double>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(x.grad().to_doubles(), (std::vector<double>{1 + 4 + 9, 3 + 8 + 15}));
  EXPECT_EQ(weight.grad().to_doubles(), (std::vector<double>{31, 42, 53}));
  EXPECT_EQ(bias.grad().item(), 21.0);
}

TEST(ConvTranspose3d, IsTheAdjointOfConv3d) {
  // <conv3d(u, w), v> = <u, conv_transpose3d(v, w)> for every extent of u that conv3d maps to that of v.
  const Conv3dParams params{.stride = {1, 3, 2}, .padding = {0, 1, 1}};
  for (const int64_t h : {10, 11, 12}) {
    const TensorMap in =
        make_inputs({"adjoint", {}, {{"u", {2, 3, 2, h, 9}}, {"w", {4, 3, 1, 3, 3}}}}, DType::f64);
    const Tensor ku = conv3d(in.at("u"), in.at("w"), {}, params).value();
    const Tensor v = make_inputs({"adjoint", {}, {{"v", ku.shape()}}}, DType::f64).at("v");
    const Tensor kv =
        conv_transpose3d(
            v, in.at("w"), {},
            {.stride = params.stride, .padding = params.padding, .output_padding = {0, (h - 1) % 3, 0}})
            .value();
    ASSERT_EQ(kv.shape(), in.at("u").shape());
    double left = 0.0, right = 0.0;
    for (int64_t i = 0; i < ku.numel(); ++i) left += ku.data<double>()[i] * v.data<double>()[i];
    for (int64_t i = 0; i < kv.numel(); ++i) right += kv.data<double>()[i] * in.at("u").data<double>()[i];
    EXPECT_NEAR(left, right, 1e-11 * std::abs(left));
  }
}

// Several bands, pieces and groups of channels.
std::vector<OpCase> large_cases() {
  const auto with = [](const char* name, Shape x, int64_t n_out) {
    return OpCase{name,
                  {{"stride", {1, 2, 2}}, {"padding", {0, 1, 1}}, {"output_padding", {0, 1, 1}}},
                  {{"x", x}, {"weight", Shape{x[1], n_out, 1, 3, 3}}, {"bias", Shape{n_out}}}};
  };
  return {with("channels", {2, 70, 1, 11, 19}, 69), with("rows", {1, 33, 1, 40, 38}, 17),
          with("picture", {2, 33, 1, 29, 70}, 1)};
}

OpResult run_case(const OpCase& op_case, const char* implementation) {
  const ImplementationScope scope("conv_transpose3d", implementation);
  const OpInfo info = conv_transpose3d_info();
  const TensorMap inputs = make_inputs(op_case, DType::f32);
  const Tensor y = info.run({inputs, op_case.attrs, {}, op_case.name}).outputs.at("y");
  EXPECT_TRUE(scope.used("conv_transpose3d", implementation)) << op_case.name;
  const TensorMap upstream = make_inputs({"upstream", {}, {{"y", y.shape()}}}, DType::f32);
  return info.run({inputs, op_case.attrs, upstream, op_case.name});
}

TEST(ConvTranspose3d, PhasedIsTheReferenceOnLargeShapes) {
  for (const OpCase& op_case : large_cases()) {
    const OpResult expected = run_case(op_case, "reference"), got = run_case(op_case, "phased");
    EXPECT_LE(relative_l2(got.outputs.at("y"), expected.outputs.at("y")), 2e-6) << op_case.name;
    for (const auto& [name, grad] : expected.grads)
      EXPECT_LE(relative_l2(got.grads.at(name), grad), 5e-6) << op_case.name << ", " << name;
  }
}

TEST(ConvTranspose3d, BitsDoNotDependOnTheNumberOfThreads) {
  const int before = num_threads();
  for (const OpCase& op_case : large_cases()) {
    set_num_threads(1);
    const OpResult one = run_case(op_case, "phased");
    for (const int n : {2, 5}) {
      set_num_threads(n);
      const OpResult many = run_case(op_case, "phased");
      EXPECT_EQ(many.outputs.at("y").to_doubles(), one.outputs.at("y").to_doubles()) << op_case.name << n;
      for (const auto& [name, grad] : one.grads)
        EXPECT_EQ(many.grads.at(name).to_doubles(), grad.to_doubles()) << op_case.name << name << n;
    }
  }
  set_num_threads(before);
}

TEST(ConvTranspose3d, GivesOnlyTheGradientsThatAreWanted) {
  const Variable x(Tensor::full({1, 1, 1, 2, 2}, 1.0)), weight(Tensor::full({1, 1, 1, 2, 2}, 1.0));
  const Variable bias(Tensor::zeros({1}), true);
  const Variable y = conv_transpose3d(x, weight, bias);
  y.backward(Tensor::full(y.shape(), 1.0));
  EXPECT_EQ(bias.grad().item(), 9.0);
  EXPECT_FALSE(conv_transpose3d(x, weight).requires_grad());
}

TEST(ConvTranspose3d, ErrorsNameWhatDisagrees) {
  EXPECT_EQ(message_of({1, 2, 1, 4, 4}, {3, 2, 1, 3, 3}),
            "[conv_transpose3d] weight expects 3 input channels, x has 2: x=[1,2,1,4,4] weight=[3,2,1,3,3]");
  EXPECT_EQ(message_of({1, 2, 4, 4}, {2, 2, 1, 3, 3}),
            "[conv_transpose3d] x must be [N,C,D,H,W]: x=f32[1,2,4,4]");
  EXPECT_EQ(message_of({1, 2, 1, 4, 4}, {2, 3, 3, 3}),
            "[conv_transpose3d] weight must be [C,O,kd,kh,kw]: weight=f32[2,3,3,3]");
  EXPECT_EQ(message_of({1, 2, 1, 4, 4}, {2, 3, 1, 3, 3}, Tensor::zeros({2})),
            "[conv_transpose3d] bias must be f32[3]: bias=f32[2] weight=f32[2,3,1,3,3]");
  EXPECT_EQ(
      message_of({1, 2, 1, 4, 4}, {2, 3, 1, 3, 3}, {}, {.stride = {1, 2, 2}, .output_padding = {0, 0, 2}}),
      "[conv_transpose3d] output padding along W must be in [0, stride 2), is 2");
  EXPECT_EQ(message_of({1, 2, 1, 4, 4}, {2, 3, 1, 3, 3}, {}, {.stride = {0, 1, 1}}),
            "[conv_transpose3d] stride along D must be at least 1, is 0");
  EXPECT_EQ(message_of({1, 2, 1, 4, 4}, {2, 3, 1, 3, 3}, {}, {.padding = {0, -1, 0}}),
            "[conv_transpose3d] padding along H must be at least 0, is -1");
  EXPECT_EQ(message_of({1, 2, 1, 1, 4}, {2, 3, 1, 2, 2}, {}, {.padding = {0, 1, 0}}),
            "[conv_transpose3d] nothing is left along H: x=[1,2,1,1,4] weight=[2,3,1,2,2] padding=1");
}

TEST(ConvTranspose3d, LayerStartsUniformWithinOneOverTheRootOfItsFanIn) {
  Initialiser initialiser(7);
  const ConvTranspose3d layer(initialiser, 6, 4, {1, 3, 3}, {.stride = {1, 2, 2}});
  const TensorMap state = layer.state();
  EXPECT_EQ(state.at("weight").shape(), (Shape{6, 4, 1, 3, 3}));
  double largest = 0.0;
  for (const double w : state.at("weight").to_doubles()) largest = std::max(largest, std::abs(w));
  EXPECT_LE(largest, 1.0 / 6.0);  // 4 x 9 values
  EXPECT_GT(largest, 0.9 / 6.0);
  EXPECT_EQ(layer(Tensor::zeros({2, 6, 1, 5, 7})).shape(), (Shape{2, 4, 1, 11, 15}));
}

}  // namespace
}  // namespace primal
