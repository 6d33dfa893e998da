#include "nn/conv3d/conv3d.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "support/op_test.h"
#include "tensor/error.h"
#include "tensor/exec.h"

namespace primal {
namespace {

Variable leaf(const Shape& shape, const std::vector<double>& values) {
  return {Tensor::from(shape, values), true};
}

Variable zeros(const Shape& shape, DType dtype = DType::f32) { return Tensor::zeros(shape, dtype); }

const OpCase& corner_case(const OpInfo& info, std::string_view name) {
  for (const OpCase& op_case : info.corner_cases) {
    if (op_case.name == name) return op_case;
  }
  throw ShapeError("no corner case {}", name);
}

// Results and gradients of a case in f32, for a random upstream gradient.
OpResult run_case(const OpInfo& info, const OpCase& op_case) {
  const TensorMap inputs = make_inputs(op_case, DType::f32);
  const Tensor y = info.run({inputs, op_case.attrs, {}, op_case.name}).outputs.at("y");
  const TensorMap upstream = make_inputs({"upstream", {}, {{"y", y.shape()}}}, DType::f32);
  return info.run({inputs, op_case.attrs, upstream, op_case.name});
}

std::string message_of(const Variable& x, const Variable& weight, const Variable& bias = {},
                       const Conv3dParams& params = {}) {
  try {
    conv3d(x, weight, bias, params);
  } catch (const ShapeError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Conv3d, MatchesHandArithmetic) {
  const Variable x = leaf({1, 1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  const Variable weight = leaf({1, 1, 1, 2, 2}, {1, 2, 3, 4});
  const Variable bias = leaf({1}, {0.5});
  const Variable y = conv3d(x, weight, bias);
  EXPECT_EQ(y.value().to_doubles(), (std::vector<double>{37.5, 47.5, 67.5, 77.5}));
  y.backward(Tensor::from(y.shape(), std::vector<double>{1, 0, 0, 2}));
  EXPECT_EQ(x.grad().to_doubles(), (std::vector<double>{1, 2, 0, 3, 6, 4, 0, 6, 8}));
  EXPECT_EQ(weight.grad().to_doubles(), (std::vector<double>{11, 14, 20, 23}));
  EXPECT_EQ(bias.grad().item(), 3.0);
}

TEST(Conv3d, StrideAndPaddingMatchHandArithmetic) {
  // x = 1 2 3 4 5 between zeros, every second window of three: 0+1+2, 2+3+4, 4+5+0
  const Variable x = leaf({1, 1, 1, 1, 5}, {1, 2, 3, 4, 5});
  const Variable weight = leaf({1, 1, 1, 1, 3}, {1, 1, 1});
  const Variable y = conv3d(x, weight, {}, {.stride = {1, 1, 2}, .padding = {0, 0, 1}});
  EXPECT_EQ(y.value().to_doubles(), (std::vector<double>{3, 9, 9}));
  y.backward(Tensor::from(y.shape(), std::vector<double>{1, 10, 100}));
  EXPECT_EQ(x.grad().to_doubles(), (std::vector<double>{1, 11, 10, 110, 100}));
  EXPECT_EQ(weight.grad().to_doubles(),
            (std::vector<double>{10 * 2 + 100 * 4, 1 + 10 * 3 + 100 * 5, 2 + 10 * 4}));
}

TEST(Conv3d, IsProven) { expect_op_proven(conv3d_info()); }

TEST(Conv3d, IsProvenOnEveryInstructionSetOfThisMachine) {
  const OpInfo info = conv3d_info();
  int n_blocked = 0;
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    for (const OpCase& op_case : info.corner_cases) {
      const ImplementationScope scope;
      const OpResult got = run_case(info, op_case);
      n_blocked += scope.used("conv3d", "blocked");
      const ImplementationScope reference(ImplementationScope::Forced{{"conv3d", "reference"}});
      const OpResult expected = run_case(info, op_case);
      const std::string where = fmt::format("{}, {}", hwy::TargetName(target), op_case.name);
      // measured at most 8e-7, allow what conv3d may differ from float64
      EXPECT_LE(relative_l2(got.outputs.at("y"), expected.outputs.at("y")), 2e-6) << where;
      for (const auto& [name, grad] : expected.grads) {
        EXPECT_LE(relative_l2(got.grads.at(name), grad), 5e-6) << where << ", " << name;
      }
    }
  }
  hwy::SetSupportedTargetsForTest(0);
  EXPECT_GT(n_blocked, 0);
}

TEST(Conv3d, BitsDoNotDependOnTheNumberOfThreads) {
  const OpInfo info = conv3d_info();
  const int before = num_threads();
  for (const std::string& implementation : {std::string("blocked"), std::string(kReference)}) {
    const ImplementationScope scope(ImplementationScope::Forced{{"conv3d", implementation}});
    for (const char* name : {"many_patches", "many_bands", "wide_channels", "pointwise_long"}) {
      set_num_threads(1);
      const OpResult one = run_case(info, corner_case(info, name));
      for (const int n : {2, 5}) {
        set_num_threads(n);
        const OpResult many = run_case(info, corner_case(info, name));
        const std::string where = fmt::format("{} on {}, {} threads", implementation, name, n);
        EXPECT_EQ(many.outputs.at("y").to_doubles(), one.outputs.at("y").to_doubles()) << where;
        for (const auto& [input, grad] : one.grads) {
          EXPECT_EQ(many.grads.at(input).to_doubles(), grad.to_doubles()) << where << ", " << input;
        }
      }
    }
  }
  set_num_threads(before);
}

TEST(Conv3d, BlockedRunsTheShapesOfTheUNetAndTheReferenceTheRest) {
  const OpInfo info = conv3d_info();
  const auto runs = [&](std::string_view op_case, std::string_view implementation) {
    const ImplementationScope scope;
    run_case(info, corner_case(info, op_case));
    return scope.used("conv3d", implementation);
  };
  for (const char* name : {"odd_extents", "pointwise", "no_bias"}) EXPECT_TRUE(runs(name, "blocked")) << name;
  for (const char* name : {"full_3x3x3", "stride_4", "padding_on_one_axis"}) {
    EXPECT_TRUE(runs(name, kReference)) << name;
  }
}

TEST(Conv3d, BackwardAddsToTheGradientsOfSharedInputs) {
  for (const char* implementation : {"blocked", "reference"}) {
    const ImplementationScope scope(ImplementationScope::Forced{{"conv3d", implementation}});
    const Variable x(Tensor::full({1, 2, 1, 3, 3}, 2.0), true);
    const Variable weight(Tensor::full({2, 2, 1, 1, 1}, 0.5), true);
    const Variable bias(Tensor::zeros({2}), true);
    // y = W (W x + b) + b with all weights 1/2: both layers give each pixel 2
    const Variable y = conv3d(conv3d(x, weight, bias), weight, bias);
    EXPECT_EQ(y.value().to_doubles(), std::vector<double>(18, 2.0)) << implementation;
    y.backward(Tensor::full(y.shape(), 1.0));
    EXPECT_EQ(x.grad().to_doubles(), std::vector<double>(18, 1.0)) << implementation;
    EXPECT_EQ(weight.grad().to_doubles(), std::vector<double>(4, 36.0))
        << implementation;  // 9 pixels x 2, twice
    EXPECT_EQ(bias.grad().to_doubles(), std::vector<double>(2, 18.0)) << implementation;
  }
}

TEST(Conv3d, GivesOnlyTheGradientsThatAreWanted) {
  for (const char* implementation : {"blocked", "reference"}) {
    const ImplementationScope scope(ImplementationScope::Forced{{"conv3d", implementation}});
    const Variable x(Tensor::full({1, 2, 1, 3, 3}, 1.0)), weight(Tensor::full({1, 2, 1, 3, 3}, 1.0));
    const Variable bias(Tensor::zeros({1}), true);
    const Variable y = conv3d(x, weight, bias, {.padding = {0, 1, 1}});
    y.backward(Tensor::full(y.shape(), 1.0));
    EXPECT_EQ(bias.grad().item(), 9.0) << implementation;
    EXPECT_FALSE(x.requires_grad());
    EXPECT_FALSE(conv3d(x, weight, {}, {.padding = {0, 1, 1}}).requires_grad());
  }
}

TEST(Conv3d, ErrorsNameWhatDisagrees) {
  EXPECT_EQ(message_of(zeros({1, 2, 8, 64, 64}), zeros({16, 3, 3, 3, 3})),
            "[conv3d] weight expects 3 input channels, x has 2: x=[1,2,8,64,64] weight=[16,3,3,3,3]");
  EXPECT_EQ(message_of(zeros({2, 4, 4}), zeros({1, 2, 1, 1, 1})),
            "[conv3d] x must be [N,C,D,H,W]: x=f32[2,4,4]");
  EXPECT_EQ(message_of(zeros({1, 2, 1, 4, 4}), zeros({1, 2, 3, 3})),
            "[conv3d] weight must be [O,C,kd,kh,kw]: weight=f32[1,2,3,3]");
  EXPECT_EQ(message_of(zeros({1, 2, 1, 4, 4}), zeros({1, 2, 1, 3, 3}, DType::f64)),
            "[conv3d] x and weight differ in type: x=f32[1,2,1,4,4] weight=f64[1,2,1,3,3]");
  EXPECT_EQ(message_of(zeros({1, 2, 1, 4, 4}, DType::i64), zeros({1, 2, 1, 3, 3}, DType::i64)),
            "[conv3d] x must be f32 or f64: x=i64[1,2,1,4,4]");
  EXPECT_EQ(message_of(zeros({1, 2, 1, 4, 4}), zeros({3, 2, 1, 3, 3}), zeros({2})),
            "[conv3d] bias must be f32[3]: bias=f32[2] weight=f32[3,2,1,3,3]");
  EXPECT_EQ(message_of(zeros({1, 2, 1, 4, 4}), zeros({3, 2, 1, 3, 3}), {}, {.stride = {1, 0, 1}}),
            "[conv3d] stride along H must be at least 1, is 0");
  EXPECT_EQ(message_of(zeros({1, 2, 1, 4, 4}), zeros({3, 2, 1, 3, 3}), {}, {.padding = {0, 0, -1}}),
            "[conv3d] padding along W must be at least 0, is -1");
  EXPECT_EQ(
      message_of(zeros({1, 2, 1, 4, 4}), zeros({3, 2, 4, 3, 3}), {}, {.padding = {1, 0, 0}}),
      "[conv3d] kernel 4 along D does not fit into 1 + 2 x padding 1: x=[1,2,1,4,4] weight=[3,2,4,3,3]");
}

TEST(Conv3d, LayerStartsUniformWithinOneOverTheRootOfItsFanIn) {
  Initialiser initialiser(7);
  const Conv3d layer(initialiser, 4, 6, {1, 3, 3}, {.padding = {0, 1, 1}});
  const TensorMap state = layer.state();
  EXPECT_EQ(state.at("weight").shape(), (Shape{6, 4, 1, 3, 3}));
  EXPECT_EQ(state.at("bias").shape(), (Shape{6}));
  const double bound = 1.0 / 6.0;  // fan-in 4 x 9
  double largest = 0.0;
  for (const double w : state.at("weight").to_doubles()) largest = std::max(largest, std::abs(w));
  EXPECT_LE(largest, bound);
  EXPECT_GT(largest, 0.9 * bound);
  for (const double b : state.at("bias").to_doubles()) EXPECT_LE(std::abs(b), bound);
  EXPECT_EQ(layer(zeros({2, 4, 1, 5, 7})).shape(), (Shape{2, 6, 1, 5, 7}));
}

}  // namespace
}  // namespace primal
