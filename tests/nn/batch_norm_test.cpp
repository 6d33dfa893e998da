#include "nn/batch_norm/batch_norm.h"

#include <cmath>
#include <gtest/gtest.h>

#include "nn/batch_norm/batch_gather.h"
#include "support/op_test.h"
#include "tensor/error.h"
#include "tensor/random.h"

namespace primal {
namespace {

Tensor vector_of(const std::vector<double>& values) {
  return Tensor::from(Shape{std::ssize(values)}, values);
}

void expect_near(const Tensor& got, const std::vector<double>& expected) {
  const std::vector<double> values = got.to_doubles();
  ASSERT_EQ(values.size(), expected.size());
  for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], expected[i], 1e-14) << "at " << i;
}

TEST(BatchNorm, IsProven) { expect_op_proven(batch_norm_info()); }

TEST(BatchNorm, TrainingMatchesHandArithmetic) {
  // Values 1, 3 and 0, 8: means 2, 4, deviations 1, 4, unbiased variances 2, 32.
  const Variable x(Tensor::from(Shape{2, 2}, std::vector<double>{1, 0, 3, 8}), true);
  const Variable weight(vector_of({10, 1}), true), bias(vector_of({0, 100}), true);
  const Tensor mean = vector_of({0, 1}), var = vector_of({1, 2});
  const Variable y = batch_norm(x, weight, bias, mean, var, {.momentum = 0.25, .eps = 0.0});
  expect_near(y.value(), {-10, 99, 10, 101});
  expect_near(mean, {0.5, 0.75 + 1.0});
  expect_near(var, {0.75 + 0.5, 1.5 + 8.0});
  y.backward(Tensor::from(Shape{2, 2}, std::vector<double>{1, 2, 3, 4}));
  expect_near(bias.grad(), {4, 6});
  expect_near(weight.grad(), {-1 + 3, -2 + 4});
  // Normalising two values leaves nothing but their order, so there is no gradient.
  expect_near(x.grad(), {0, 0, 0, 0});
}

TEST(BatchNorm, EvaluationUsesTheRunningStatisticsAndLeavesThem) {
  const Variable x(Tensor::from(Shape{2, 1, 2}, std::vector<double>{1, 2, 3, 4}), true);
  const Tensor mean = vector_of({2}), var = vector_of({4});
  const Variable y = batch_norm(x, {}, {}, mean, var, {.training = false, .eps = 0.0});
  expect_near(y.value(), {-0.5, 0, 0.5, 1});
  y.backward(Tensor::full({2, 1, 2}, 3.0, DType::f64));
  expect_near(x.grad(), {1.5, 1.5, 1.5, 1.5});
  expect_near(mean, {2});
  expect_near(var, {4});
}

TEST(BatchNorm, KeepsItsPrecisionFarFromZero) {
  const Variable x = Tensor::from(Shape{4, 1}, std::vector<float>{1e4f, 1e4f + 1, 1e4f + 2, 1e4f + 3});
  const Tensor y = batch_norm(x, {}, {}, Tensor::zeros({1}), Tensor::zeros({1}), {.eps = 0.0}).value();
  for (int64_t i = 0; i < 4; ++i) {
    const double expected = (static_cast<double>(i) - 1.5) / std::sqrt(1.25);
    EXPECT_NEAR(y.to_doubles()[static_cast<size_t>(i)], expected, 1e-7);
  }
}

TEST(BatchNorm, TheLayerLearnsItsStatisticsAndCountsItsBatches) {
  Initialiser initialiser(1, DType::f64);
  const BatchNorm3d layer(initialiser, 3);
  const OpCase op_case{"volume", {}, {{"x", {4, 3, 2, 5, 5}}}};
  const Tensor x = make_inputs(op_case, DType::f64).at("x");
  for (int k = 0; k < 200; ++k) layer(x, true);
  const TensorMap state = layer.state();
  EXPECT_EQ(state.size(), 5u);
  EXPECT_EQ(state.at("num_batches_tracked").item(), 200);
  // On the data it has seen, evaluation is training, but for the unbiased variance of 200 values.
  EXPECT_LT(relative_l2(layer(x, false).value(), layer(x, true).value()), 3e-3);
}

TEST(BatchNorm, PartsOfABatchGiveTheBitsOfTheWhole) {
  const RandomStream stream(1, RandomPurpose::test);
  const Tensor x = Tensor::empty({5, 3, 7}), grad_y = Tensor::empty({5, 3, 7});
  stream.fill_normal(x);
  stream.fill_normal(grad_y, 0.0, 1.0, 1000);
  struct Layer {
    Initialiser init;
    BatchNorm3d norm{init, 3};
  };
  const Layer whole;
  const Variable input(x, true);
  const Variable y = whole.norm(input, true);
  y.backward(grad_y);

  std::vector<double> weight(3, 0.0), bias(3, 0.0);
  for (const auto& [begin, end] : {std::pair{0, 2}, std::pair{2, 5}}) {
    const Layer part;
    const Variable own(x.slice(begin, end).clone(), true);
    // What the other parts would send: x in the forward pass, grad_y in the backward one.
    int n_calls = 0;
    const BatchGather gather(
        [&, first = begin](const Tensor&) {
          return BatchGather::Gathered{n_calls++ == 0 ? x : grad_y, first};
        },
        begin == 0);
    const Variable z = part.norm(own, true);
    z.backward(grad_y.slice(begin, end).clone());
    EXPECT_EQ(n_calls, 2);
    EXPECT_EQ(z.value().to_doubles(), y.value().slice(begin, end).clone().to_doubles());
    EXPECT_EQ(own.grad().to_doubles(), input.grad().slice(begin, end).clone().to_doubles());
    for (const auto& [name, buffer] : part.norm.buffers())
      EXPECT_EQ(buffer.to_doubles(), whole.norm.buffers().at(name).to_doubles()) << name;
    const auto parameters = part.norm.parameters();
    for (size_t c = 0; c < 3; ++c) {
      weight[c] += parameters[0].second.grad().to_doubles()[c];
      bias[c] += parameters[1].second.grad().to_doubles()[c];
    }
  }
  EXPECT_EQ(weight, whole.norm.parameters()[0].second.grad().to_doubles());
  EXPECT_EQ(bias, whole.norm.parameters()[1].second.grad().to_doubles());
}

TEST(BatchNorm, NamesWhatDoesNotFit) {
  const auto message_of = [](const Shape& x, const Shape& weight,
                             const BatchNormParams& params) -> std::string {
    const Tensor mean = Tensor::zeros({x.rank() > 1 ? x[1] : 1}), var = mean.clone();
    try {
      batch_norm(Tensor::zeros(x), Tensor::zeros(weight), {}, mean, var, params);
    } catch (const ShapeError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(message_of({2, 3, 4}, {4}, {}), "[batch_norm] weight must be f32[3]: weight=f32[4] x=f32[2,3,4]");
  EXPECT_EQ(message_of({4}, {4}, {}), "[batch_norm] x must be f32 or f64 [N,C,..]: f32[4]");
  EXPECT_EQ(message_of({1, 3}, {3}, {}), "[batch_norm] training needs two values per channel: x=f32[1,3]");
  EXPECT_EQ(message_of({2, 3}, {3}, {.momentum = 1.5}), "[batch_norm] momentum 1.5 is outside of [0, 1]");
  EXPECT_EQ(message_of({2, 3}, {3}, {.eps = -1.0}), "[batch_norm] eps -1 is below zero");
}

TEST(BatchNorm, TheLayerLearnsItsStatisticsOnADevice) {
  const auto run = [](Device device) {
    Initialiser initialiser(1, DType::f32, device);
    const BatchNorm3d layer(initialiser, 3);
    const Tensor x = Tensor::empty({2, 3, 1, 40, 41}, DType::f32);
    RandomStream(5, RandomPurpose::test).fill_uniform(x, 99.0, 101.0);
    const Variable leaf(x.to(device), true);
    const Variable y = layer(leaf, true);
    y.backward(x.to(device));
    std::vector<double> all = layer(leaf, false).value().to_doubles();
    for (const char* name : {"running_mean", "running_var", "num_batches_tracked"}) {
      const std::vector<double> values = layer.state().at(name).to_doubles();
      all.insert(all.end(), values.begin(), values.end());
    }
    for (const auto& [name, parameter] : layer.parameters()) {
      const std::vector<double> values = parameter.grad().to_doubles();
      all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  };
  const std::vector<double> there = run(Device::simt()), here = run(Device{});
  ASSERT_EQ(there.size(), here.size());
  for (size_t i = 0; i < here.size(); ++i)
    ASSERT_NEAR(there[i], here[i], 1e-6 * std::max(1.0, std::abs(here[i]))) << "at " << i;
}

}  // namespace
}  // namespace primal
