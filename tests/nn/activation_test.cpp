#include "nn/activation/activation.h"

#include <cmath>
#include <gtest/gtest.h>

#include "support/op_test.h"
#include "tensor/error.h"

namespace primal {
namespace {

Variable leaf(std::vector<double> values) {
  const auto n = static_cast<int64_t>(values.size());
  return {Tensor::from(Shape{n}, values), true};
}

TEST(Activation, ReluIsProven) { expect_op_proven(relu_info()); }
TEST(Activation, LeakyReluIsProven) { expect_op_proven(leaky_relu_info()); }
TEST(Activation, SigmoidIsProven) { expect_op_proven(sigmoid_info()); }
TEST(Activation, SoftplusIsProven) { expect_op_proven(softplus_info()); }

TEST(Activation, LeakyReluMatchesHandArithmetic) {
  const Variable x = leaf({-2.0, 0.0, 3.0});
  const Variable y = leaky_relu(x, 0.1);
  EXPECT_EQ(y.value().to_doubles(), (std::vector<double>{-0.2, 0.0, 3.0}));
  y.backward(Tensor::from(Shape{3}, std::vector<double>{1.0, 1.0, 2.0}));
  EXPECT_EQ(x.grad().to_doubles(), (std::vector<double>{0.1, 0.1, 2.0}));  // the kink takes the slope
}

TEST(Activation, ReluHasSlopeZeroOnTheKink) {
  const Variable x = leaf({0.0});
  relu(x).backward(Tensor::full({1}, 1.0, DType::f64));
  EXPECT_EQ(x.grad().item(), 0.0);
}

TEST(Activation, SigmoidAndSoftplusStayFiniteFarOut) {
  const Variable x = leaf({-1000.0, 1000.0});
  EXPECT_EQ(sigmoid(x).value().to_doubles(), (std::vector<double>{0.0, 1.0}));
  EXPECT_EQ(softplus(x).value().to_doubles(), (std::vector<double>{0.0, 1000.0}));
}

TEST(Activation, SoftplusKeepsItsPrecisionForSmallValues) {
  const Variable x = leaf({-30.0});
  const Variable y = softplus(x);
  EXPECT_NEAR(y.value().item() / std::exp(-30.0), 1.0, 1e-12);
  y.backward(Tensor::full({1}, 1.0, DType::f64));
  EXPECT_NEAR(x.grad().item() / std::exp(-30.0), 1.0, 1e-12);
}

TEST(Activation, RefusesWhatHasNoSignedDerivative) {
  EXPECT_THROW(leaky_relu(leaf({1.0}), -0.5), ShapeError);
  EXPECT_THROW(softplus(leaf({1.0}), 0.0), ShapeError);
  EXPECT_THROW(relu(Variable(Tensor::zeros({2}, DType::i64))), ShapeError);
}

}  // namespace
}  // namespace primal
