#include "nn/lambda_map/lambda_map.h"

#include <cmath>
#include <gtest/gtest.h>

#include "nn/scale/scale.h"
#include "support/op_test.h"
#include "tensor/error.h"

namespace primal {
namespace {

TEST(LambdaMap, IsProven) { expect_op_proven(lambda_map_info()); }
TEST(Scale, IsProven) { expect_op_proven(scale_info()); }

TEST(LambdaMap, MatchesHandArithmetic) {
  const Variable head(Tensor::from(Shape{1, 2, 1, 1, 1}, std::vector<double>{0.0, 5.0}), true);
  const Variable map = lambda_map(head, {.channel = {0, 0}});
  const double expected = 0.1 * std::log(2.0);
  EXPECT_EQ(map.shape(), (Shape{1, 2, 1, 1, 1}));
  EXPECT_NEAR(map.value().to_doubles()[0], expected, 1e-15);
  EXPECT_EQ(map.value().to_doubles()[1], map.value().to_doubles()[0]);
  map.backward(Tensor::full(map.shape(), 1.0, DType::f64));
  EXPECT_NEAR(head.grad().to_doubles()[0], 2 * 0.1 * 0.5, 1e-15);  // both axes add up
  EXPECT_EQ(head.grad().to_doubles()[1], 0.0);                     // the channel of the time axis is not used
}

TEST(LambdaMap, StaysBelowItsBound) {
  const Tensor head = Tensor::full({1, 1, 1, 1, 1}, 3.0, DType::f64);
  EXPECT_NEAR(lambda_map(head, {.up_bound = 0.5}).value().item(), 0.5 / (1 + std::exp(-3.0)), 1e-15);
}

TEST(LambdaMap, RefusesChannelsAndBoundsThatMakeNoSense) {
  const Tensor head = Tensor::zeros({1, 2, 1, 4, 4});
  EXPECT_THROW(lambda_map(head, {.channel = {2}}), ShapeError);
  EXPECT_THROW(lambda_map(head, {.up_bound = -1.0}), ShapeError);
  EXPECT_THROW(lambda_map(head, {.scale = 0.0}), ShapeError);
  EXPECT_THROW(lambda_map(Tensor::zeros({4, 4}), {}), ShapeError);
}

}  // namespace
}  // namespace primal
