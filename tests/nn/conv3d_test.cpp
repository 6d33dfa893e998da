#include "nn/conv3d/conv3d.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <hwy/targets.h>
#include <omp.h>
#include <thread>

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
OpResult run_case(const OpInfo& info, const OpCase& op_case, std::string_view implementation = kReference) {
  const ImplementationScope scope(ImplementationScope::Forced{{"conv3d", std::string(implementation)}});
  const TensorMap inputs = make_inputs(op_case, DType::f32);
  const TensorMap outputs = info.run({inputs, op_case.attrs, {}, op_case.name}).outputs;
  const TensorMap upstream = make_upstream(info.results, outputs);
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

// 3x3x3 shapes of the implementation winograd_volume: several pieces along each axis, runs of short rows,
// strips of long ones, and several blocks and groups of channels.
std::vector<OpCase> cube_cases() {
  const auto with = [](const char* name, Shape x, int64_t n_out) {
    return OpCase{name,
                  {{"stride", {1, 1, 1}}, {"padding", {1, 1, 1}}},
                  {{"x", x}, {"weight", Shape{n_out, x[1], 3, 3, 3}}, {"bias", Shape{n_out}}}};
  };
  return {with("cubes", {2, 16, 9, 38, 48}, 16),
          with("cubes_in_runs", {1, 9, 6, 35, 12}, 33),
          with("cubes_with_tails", {1, 17, 5, 21, 24}, 20),
          with("cubes_in_strips", {1, 3, 4, 5, 530}, 4),
          with("cubes_of_many_channels", {1, 70, 4, 9, 7}, 67),
          with("cube_of_pictures", {1, 1, 9, 13, 50}, 16)};
}

// 3x3 shapes that are too large for central differences: several patches, pieces and groups of channels.
std::vector<OpCase> large_cases(const OpInfo& info) {
  std::vector<OpCase> cases;
  const auto add = [&](const std::string& name, Shape x, int64_t n_out) {
    OpCase op_case = corner_case(info, "odd_extents");
    op_case.name = name;
    op_case.inputs = {{"x", x}, {"weight", Shape{n_out, x[1], 1, 3, 3}}, {"bias", Shape{n_out}}};
    cases.push_back(op_case);
  };
  add("planes", {2, 33, 2, 40, 33}, 65);
  add("wide", {1, 16, 1, 11, 70}, 16);
  add("past_256_columns", {1, 24, 1, 8, 300}, 16);
  add("many_channels", {1, 150, 1, 12, 20}, 40);
  return cases;
}

// Shapes of the implementation phased: several bands, pieces and groups of channels, strides from 1 to 4.
std::vector<OpCase> strided_cases() {
  const auto with = [](const char* name, Shape x, Shape weight, int64_t stride, int64_t padding) {
    return OpCase{name,
                  {{"stride", {1, stride, stride}}, {"padding", {0, padding, padding}}},
                  {{"x", x}, {"weight", weight}, {"bias", Shape{weight[0]}}}};
  };
  return {with("strided_pictures", {3, 1, 1, 33, 70}, {16, 1, 1, 3, 3}, 2, 1),
          with("strided_channels", {2, 70, 1, 21, 18}, {69, 70, 1, 3, 3}, 2, 1),
          with("strided_planes", {2, 33, 2, 40, 33}, {17, 33, 1, 3, 3}, 4, 1),
          with("wide_rows", {1, 2, 1, 9, 700}, {5, 2, 1, 5, 5}, 3, 2),
          with("large_kernel", {1, 3, 1, 40, 43}, {9, 3, 1, 11, 11}, 4, 2),
          with("large_kernel_stride_1", {1, 20, 1, 17, 31}, {33, 20, 1, 5, 5}, 1, 2)};
}

TEST(Conv3d, ImplementationsAgreeOnEveryInstructionSetOfThisMachine) {
  const OpInfo info = conv3d_info();
  std::vector<OpCase> cases = large_cases(info);
  for (const std::vector<OpCase>& more : {strided_cases(), cube_cases()})
    cases.insert(cases.end(), more.begin(), more.end());
  cases.insert(cases.end(), info.corner_cases.begin(), info.corner_cases.end());
  for (const OpCase& op_case : cases) {
    const OpResult expected = run_case(info, op_case);
    for (const ImplementationInfo& implementation : info.implementations_on(Device::Kind::cpu)) {
      for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
        hwy::SetSupportedTargetsForTest(target);
        const OpResult got = run_case(info, op_case, implementation.name);
        const std::string where =
            fmt::format("{} on {}, {}", implementation.name, hwy::TargetName(target), op_case.name);
        // measured at most 1.3e-6 for either; Winograd needs no more than the others
        EXPECT_LE(relative_l2(got.outputs.at("y"), expected.outputs.at("y")), 2e-6) << where;
        for (const auto& [name, grad] : expected.grads) {
          EXPECT_LE(relative_l2(got.grads.at(name), grad), 5e-6) << where << ", " << name;
        }
      }
      hwy::SetSupportedTargetsForTest(0);
    }
  }
}

TEST(Conv3d, BitsDoNotDependOnTheNumberOfThreads) {
  const OpInfo info = conv3d_info();
  std::vector<OpCase> cases = large_cases(info);
  for (const std::vector<OpCase>& more : {strided_cases(), cube_cases()})
    cases.insert(cases.end(), more.begin(), more.end());
  cases.push_back(corner_case(info, "pointwise_long"));
  cases.push_back(corner_case(info, "pointwise_few_long"));
  cases.push_back(corner_case(info, "one_channel"));
  cases.push_back(corner_case(info, "full_3x3x3"));
  const int before = num_threads();
  for (const OpCase& op_case : cases) {
    for (const ImplementationInfo& implementation : info.implementations_on(Device::Kind::cpu)) {
      if (!implementation.deterministic) continue;
      set_num_threads(1);
      const OpResult one = run_case(info, op_case, implementation.name);
      for (const int n : {2, 5}) {
        set_num_threads(n);
        const OpResult many = run_case(info, op_case, implementation.name);
        const std::string where = fmt::format("{} on {}, {} threads", implementation.name, op_case.name, n);
        EXPECT_EQ(many.outputs.at("y").to_doubles(), one.outputs.at("y").to_doubles()) << where;
        for (const auto& [input, grad] : one.grads) {
          EXPECT_EQ(many.grads.at(input).to_doubles(), grad.to_doubles()) << where << ", " << input;
        }
      }
    }
  }
  set_num_threads(before);
}

TEST(Conv3d, EveryImplementationRunsTheShapesItIsFor) {
  const OpInfo info = conv3d_info();
  const auto runs = [&](const OpCase& op_case, std::string_view forced) {
    const ImplementationScope scope(ImplementationScope::Forced{{"conv3d", std::string(forced)}});
    info.run({make_inputs(op_case, DType::f32), op_case.attrs, {}, op_case.name});
    return scope.used("conv3d", forced);
  };
  for (const char* name : {"odd_extents", "pointwise", "no_bias"}) {
    EXPECT_TRUE(runs(corner_case(info, name), "blocked")) << name;
  }
  for (const char* name : {"pointwise_head", "pointwise_four", "pointwise_one"})
    EXPECT_TRUE(runs(corner_case(info, name), "streamed")) << name;
  EXPECT_FALSE(runs(corner_case(info, "pointwise"), "streamed"));  // ten outputs
  for (const char* name : {"one_channel", "one_wide_channel", "one_pixel"})
    EXPECT_TRUE(runs(corner_case(info, name), "one_channel")) << name;
  EXPECT_FALSE(runs(corner_case(info, "one_row"), "one_channel"));  // two channels
  for (const OpCase& op_case : large_cases(info)) EXPECT_TRUE(runs(op_case, "winograd")) << op_case.name;
  for (const OpCase& op_case : strided_cases()) EXPECT_TRUE(runs(op_case, "phased")) << op_case.name;
  for (const OpCase& op_case : cube_cases()) EXPECT_TRUE(runs(op_case, "winograd_volume")) << op_case.name;
  for (const char* name : {"stride_2", "along_frames", "3x3_frames_padded", "stride_by_axis"})
    EXPECT_FALSE(runs(corner_case(info, name), "winograd_volume")) << name;
  for (const char* name : {"full_3x3x3", "stride_by_axis", "empty_batch"})
    EXPECT_FALSE(runs(corner_case(info, name), "phased")) << name;
  for (const char* name : {"full_3x3x3", "stride_4", "padding_on_one_axis"}) {
    for (const char* implementation : {"blocked", "streamed", "winograd"}) {
      EXPECT_FALSE(runs(corner_case(info, name), implementation)) << implementation << " on " << name;
    }
  }
}

TEST(Conv3d, BackwardAddsToTheGradientsOfSharedInputs) {
  for (const char* implementation : {"streamed", "blocked", "reference", "onednn"}) {
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
  for (const char* implementation : {"streamed", "blocked", "reference", "onednn"}) {
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

constexpr const char* kNoOneDnn =
    "this build found no oneDNN 2: install it (Debian: libdnnl-dev), configure and build again";

bool has_onednn(const OpInfo& info) {
  return std::ranges::count(info.implementations, "onednn", &ImplementationInfo::name) > 0;
}

TEST(Conv3d, OneDnnRunsEveryShapeWhenNamedAndNoneByRule) {
  const OpInfo info = conv3d_info();
  if (!has_onednn(info)) GTEST_SKIP() << kNoOneDnn;
  for (const OpCase& op_case : info.corner_cases) {
    const OpCall call{make_inputs(op_case, DType::f32), op_case.attrs, {}, op_case.name};
    const ImplementationScope rule;
    info.run(call);
    EXPECT_FALSE(rule.used("conv3d", "onednn")) << op_case.name;
    const ImplementationScope named("conv3d", "onednn");
    info.run(call);
    EXPECT_EQ(named.used("conv3d", "onednn"), op_case.inputs.front().shape.numel() > 0) << op_case.name;
  }
}

TEST(Conv3d, OneDnnGivesTheSameBitsAgainAndFromSeveralThreadsAtOnce) {
  const OpInfo info = conv3d_info();
  if (!has_onednn(info)) GTEST_SKIP() << kNoOneDnn;
  const int before = num_threads(), of_openmp = omp_get_max_threads();
  set_num_threads(2);
  const OpCase op_case = corner_case(info, "odd_extents");
  const OpResult expected = run_case(info, op_case, "onednn");
  std::vector<OpResult> results(4);
  {
    const ImplementationScope scope("conv3d", "onednn");
    const OpCall call{make_inputs(op_case, DType::f32), op_case.attrs, {}, op_case.name};
    std::vector<std::jthread> threads;
    for (OpResult& result : results) threads.emplace_back([&] { result = info.run(call); });
  }
  for (const OpResult& result : results)
    EXPECT_EQ(result.outputs.at("y").to_doubles(), expected.outputs.at("y").to_doubles());
  const OpResult again = run_case(info, op_case, "onednn");
  for (const auto& [name, grad] : expected.grads)
    EXPECT_EQ(again.grads.at(name).to_doubles(), grad.to_doubles()) << name;
  EXPECT_EQ(omp_get_max_threads(), of_openmp);
  set_num_threads(before);
}

TEST(Conv3d, WinogradGivesTheGradientsOfWeightAndBiasAlone) {
  const ImplementationScope scope(ImplementationScope::Forced{{"conv3d", "winograd"}});
  const Variable x(Tensor::full({1, 16, 1, 11, 70}, 1.0));
  for (const bool weights : {true, false}) {
    const Variable weight(Tensor::full({16, 16, 1, 3, 3}, 1.0), weights);
    const Variable bias = weights ? Variable() : Variable(Tensor::zeros({16}), true);
    const Variable y = conv3d(x, weight, bias, {.padding = {0, 1, 1}});
    y.backward(Tensor::full(y.shape(), 1.0));
    if (!weights) {
      EXPECT_EQ(bias.grad().to_doubles(), std::vector<double>(16, 770.0));
      continue;
    }
    const double rows[3] = {10, 11, 10}, cols[3] = {69, 70, 69};  // pixels that a tap meets
    const std::vector<double> grad = weight.grad().to_doubles();
    for (size_t i = 0; i < grad.size(); ++i) {
      const double expected = rows[i % 9 / 3] * cols[i % 3];
      EXPECT_NEAR(grad[i], expected, 1e-5 * expected) << i;
    }
  }
  EXPECT_TRUE(scope.used("conv3d", "winograd"));
}

TEST(Conv3d, ErrorsNameWhatDisagrees) {
  EXPECT_EQ(message_of(zeros({1, 2, 8, 64, 64}), zeros({16, 3, 3, 3, 3})),
            "[conv3d] weight expects 3 input channels, x has 2: x=f32[1,2,8,64,64] weight=f32[16,3,3,3,3]");
  EXPECT_EQ(message_of(zeros({2, 4, 4}), zeros({1, 2, 1, 1, 1})),
            "[conv3d] x must be [N,C,D,H,W]: x=f32[2,4,4] weight=f32[1,2,1,1,1]");
  EXPECT_EQ(message_of(zeros({1, 2, 1, 4, 4}), zeros({1, 2, 3, 3})),
            "[conv3d] weight must be [O,C,kd,kh,kw]: x=f32[1,2,1,4,4] weight=f32[1,2,3,3]");
  EXPECT_EQ(message_of(zeros({1, 2, 1, 4, 4}), zeros({1, 2, 1, 3, 3}, DType::f64)),
            "[conv3d] x and weight differ in type: x=f32[1,2,1,4,4] weight=f64[1,2,1,3,3]");
  EXPECT_EQ(message_of(zeros({1, 2, 1, 4, 4}, DType::i64), zeros({1, 2, 1, 3, 3}, DType::i64)),
            "[conv3d] x must be f32 or f64: x=i64[1,2,1,4,4] weight=i64[1,2,1,3,3]");
  EXPECT_EQ(message_of(zeros({1, 2, 1, 4, 4}), zeros({3, 2, 1, 3, 3}), zeros({2})),
            "[conv3d] bias must be f32[3]: bias=f32[2] x=f32[1,2,1,4,4] weight=f32[3,2,1,3,3]");
  EXPECT_EQ(message_of(zeros({1, 2, 1, 4, 4}), zeros({3, 2, 1, 3, 3}), {}, {.stride = {1, 0, 1}}),
            "[conv3d] stride along H must be at least 1, is 0");
  EXPECT_EQ(message_of(zeros({1, 2, 1, 4, 4}), zeros({3, 2, 1, 3, 3}), {}, {.padding = {0, 0, -1}}),
            "[conv3d] padding along W must be at least 0, is -1");
  EXPECT_EQ(message_of(zeros({1, 2, 1, 4, 4}), zeros({3, 2, 4, 3, 3}), {}, {.padding = {1, 0, 0}}),
            "[conv3d] kernel 4 along D does not fit into 1 + 2 x padding 1: x=f32[1,2,1,4,4] "
            "weight=f32[3,2,4,3,3]");
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
