#include "nn/adam/adam.h"

#include <cmath>
#include <gtest/gtest.h>

#include "support/op_test.h"
#include "tensor/error.h"
#include "tensor/random.h"

namespace primal {
namespace {

Variable leaf(const std::vector<double>& values) {
  return {Tensor::from(Shape{std::ssize(values)}, values), true};
}

void give_gradient(const Variable& x, const std::vector<double>& gradient) {
  x.zero_grad();
  x.backward(Tensor::from(x.shape(), gradient));
}

TEST(Adam, IsProven) { expect_op_proven(adam_info()); }

TEST(Adam, TheFirstStepMovesByTheLearningRate) {
  // m / (1 - beta1) = g and sqrt(v / (1 - beta2)) = |g|: each element moves by lr |g| / (|g| + eps).
  const Variable x = leaf({1.0, 2.0, 3.0});
  Adam adam({{"x", x}}, {.lr = 0.1});
  give_gradient(x, {5.0, -1e-3, 0.0});
  adam.step();
  EXPECT_NEAR(x.value().to_doubles()[0], 0.9, 1e-9);
  EXPECT_NEAR(x.value().to_doubles()[1], 2.1, 1e-5);
  EXPECT_EQ(x.value().to_doubles()[2], 3.0);
}

TEST(Adam, TheSecondStepMatchesHandArithmetic) {
  // beta1 = beta2 = 1/2, gradients 1 and 3: m = 1/2, 7/4, v = 1/2, 19/4; corrections 1/2 and 3/4.
  const Variable x = leaf({0.0});
  Adam adam({{"x", x}}, {.lr = 1.0, .beta1 = 0.5, .beta2 = 0.5, .eps = 0.0});
  give_gradient(x, {1.0});
  adam.step();
  EXPECT_NEAR(x.value().item(), -1.0, 1e-15);
  give_gradient(x, {3.0});
  adam.step();
  EXPECT_NEAR(x.value().item(), -1.0 - (1.75 / 0.75) / std::sqrt(4.75 / 0.75), 1e-15);
  EXPECT_EQ(adam.n_steps(), 2);
}

TEST(Adam, AmsgradDividesByTheLargestSecondMoment) {
  const Variable plain = leaf({0.0}), ams = leaf({0.0});
  const AdamParams params{.lr = 1.0, .beta1 = 0.0, .beta2 = 0.5, .eps = 0.0};
  AdamParams with = params;
  with.amsgrad = true;
  Adam adam_plain({{"x", plain}}, params), adam_ams({{"x", ams}}, with);
  for (double g : {4.0, 0.0, 1.0}) {
    give_gradient(plain, {g});
    give_gradient(ams, {g});
    adam_plain.step();
    adam_ams.step();
  }
  // v = 8, 4, 2.5 and v_max = 8, 8, 8; the correction at t = 3 is 7/8.
  EXPECT_NEAR(plain.value().item(), -1.0 - 1.0 / std::sqrt(2.5 / 0.875), 1e-15);
  EXPECT_NEAR(ams.value().item(), -1.0 - 1.0 / std::sqrt(8.0 / 0.875), 1e-15);
}

TEST(Adam, WeightDecayIsPartOfTheGradient) {
  const Variable x = leaf({2.0}), y = leaf({2.0});
  Adam with_decay({{"x", x}}, {.lr = 0.1, .weight_decay = 0.5}), without({{"y", y}}, {.lr = 0.1});
  for (int k = 0; k < 3; ++k) {
    give_gradient(x, {1.0});
    give_gradient(y, {1.0 + 0.5 * y.value().item()});
    with_decay.step();
    without.step();
    EXPECT_EQ(x.value().item(), y.value().item());
  }
}

TEST(Adam, LeavesAParameterWithoutGradientAlone) {
  const Variable x = leaf({1.0});
  Adam adam({{"x", x}}, {.weight_decay = 1.0});
  adam.step();
  EXPECT_EQ(x.value().item(), 1.0);
}

TEST(Adam, ContinuesBitForBitFromItsState) {
  const auto gradient = [](int k) { return std::vector<double>{std::sin(k), std::cos(k)}; };
  const AdamParams params{.lr = 0.1, .amsgrad = true};
  const Variable x = leaf({1.0, -1.0});
  Adam whole({{"x", x}}, params);
  for (int k = 0; k < 3; ++k) {
    give_gradient(x, gradient(k));
    whole.step();
  }
  const Variable y(x.value().clone(), true);
  Adam resumed({{"x", y}}, params);
  resumed.load_state(whole.state());
  EXPECT_EQ(resumed.n_steps(), 3);
  for (int k = 3; k < 6; ++k) {
    give_gradient(x, gradient(k));
    give_gradient(y, gradient(k));
    whole.step();
    resumed.step();
  }
  EXPECT_EQ(x.value().to_doubles(), y.value().to_doubles());
}

TEST(Adam, NamesItsState) {
  const Variable x = leaf({1.0, 2.0});
  const TensorMap plain = Adam({{"conv.weight", x}}).state();
  EXPECT_EQ(plain.size(), 3u);
  EXPECT_EQ(plain.at("step").str(), "i64[]");
  EXPECT_EQ(plain.at("m.conv.weight").str(), "f64[2]");
  EXPECT_EQ(plain.at("v.conv.weight").str(), "f64[2]");
  EXPECT_TRUE(Adam({{"conv.weight", x}}, {.amsgrad = true}).state().contains("v_max.conv.weight"));
  EXPECT_THROW(Adam({{"other", x}}).load_state(plain), DataError);
}

TEST(Adam, RefusesSettingsOutsideOfTheirRange) {
  const Variable x = leaf({1.0});
  EXPECT_THROW(Adam({{"x", x}}, {.lr = -1.0}), ConfigError);
  EXPECT_THROW(Adam({{"x", x}}, {.beta1 = 1.0}), ConfigError);
  EXPECT_THROW(Adam({{"x", x}}, {.beta2 = -0.1}), ConfigError);
  EXPECT_THROW(Adam({{"x", x}}, {.eps = -1e-8}), ConfigError);
  EXPECT_THROW(Adam({{"x", x}}, {.weight_decay = std::nan("")}), ConfigError);
  EXPECT_THROW(Adam({{"x", Variable(x.value())}}), ShapeError);
  Adam adam({{"x", x}}, {.lr = 0.5});
  EXPECT_THROW(adam.set_lr(-0.1), ConfigError);
  EXPECT_EQ(adam.params().lr, 0.5);
}

TEST(Adam, ADeviceTakesManyParametersOfAnySize) {
  const auto path = [](Device device, bool amsgrad) {
    Adam::NamedParameters parameters;
    for (int64_t k = 0; k < 70;
         ++k) {  // more than one launch takes; 0, 1, ... elements, and more than a block has
      const Tensor x = Tensor::empty({k % 7 == 6 ? 5000 + k : k}, DType::f32);
      RandomStream(3, RandomPurpose::test, 0, static_cast<uint32_t>(k)).fill_uniform(x, -1.0, 1.0);
      parameters.emplace_back(std::to_string(k), Variable(x.to(device), true));
    }
    Adam adam(parameters, {.lr = 0.1, .weight_decay = 0.01, .amsgrad = amsgrad});
    std::vector<double> all;
    for (int step = 0; step < 3; ++step) {
      for (size_t k = 0; k < parameters.size(); ++k) {
        const Variable& x = parameters[k].second;
        if (k == 5) continue;  // has no gradient
        x.zero_grad();
        x.backward(x.value().clone());
      }
      adam.step();
    }
    for (const auto& [name, x] : parameters) {
      const std::vector<double> values = x.value().to_doubles();
      all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  };
  for (const bool amsgrad : {false, true}) {
    const std::vector<double> there = path(Device::simt(), amsgrad), here = path(Device{}, amsgrad);
    ASSERT_EQ(there.size(), here.size());
    for (size_t i = 0; i < here.size(); ++i) ASSERT_NEAR(there[i], here[i], 2e-6) << "at " << i;
  }
}

TEST(Adam, RefusesParametersOfTwoDevices) {
  const Variable x(Tensor::zeros({2}), true), y(Tensor::zeros({2}, DType::f32, Device::simt()), true);
  EXPECT_THROW(Adam({{"x", x}, {"y", y}}), DeviceError);
}

}  // namespace
}  // namespace primal
