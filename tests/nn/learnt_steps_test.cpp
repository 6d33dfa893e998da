#include "nn/learnt_steps/learnt_steps.h"

#include <gtest/gtest.h>

#include "nn/activation/activation.h"
#include "nn/scale/scale.h"
#include "support/op_test.h"
#include "tensor/error.h"

namespace primal {
namespace {

TEST(LearntSteps, IsProven) { expect_op_proven(learnt_steps_info()); }

Variable scalar(float value, Device device) { return {Tensor::full({}, value, DType::f32, device), true}; }

TEST(LearntSteps, HasTheBitsOfTheChainOfOps) {
  for (const Device device : {Device{}, Device::simt()}) {
    for (const float at : {-3.7F, 0.0F, 0.3F, 10.0F}) {
      const Variable sigma = scalar(at, device), tau = scalar(at + 1.5F, device), theta = scalar(-at, device);
      const Variable one = scalar(at, device), two = scalar(at + 1.5F, device), three = scalar(-at, device);
      const Variable y = learnt_steps(sigma, tau, theta, 1.0 / 3.0);
      const Variable a = scale(sigmoid(one), 1.0 / 3.0), b = scale(sigmoid(two), 1.0 / 3.0),
                     c = sigmoid(three);
      EXPECT_EQ(y.value().to_doubles(),
                (std::vector<double>{a.value().item(), b.value().item(), c.value().item()}));
      const std::vector<float> upstream{0.3F, -1.7F, 2.9F};
      y.backward(Tensor::from(Shape{3}, upstream).to(device));
      const auto back = [&](const Variable& of, float grad) {
        of.backward(Tensor::full({}, grad, DType::f32, device));
      };
      back(a, upstream[0]), back(b, upstream[1]), back(c, upstream[2]);
      EXPECT_EQ(sigma.grad().item(), one.grad().item()) << at << device.str();
      EXPECT_EQ(tau.grad().item(), two.grad().item()) << at << device.str();
      EXPECT_EQ(theta.grad().item(), three.grad().item()) << at << device.str();
    }
  }
}

TEST(LearntSteps, RefusesWhatIsNoScalar) {
  const Variable one(Tensor::scalar(1.0)), many(Tensor::zeros({2}));
  EXPECT_THROW(learnt_steps(one, many, one, 1.0), ShapeError);
  EXPECT_THROW(learnt_steps(one, one, Variable(Tensor::scalar(1.0, DType::f64)), 1.0), ShapeError);
}

}  // namespace
}  // namespace primal
