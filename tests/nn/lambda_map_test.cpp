#include "nn/lambda_map/lambda_map.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

#include "support/op_test.h"
#include "tensor/error.h"

namespace primal {
namespace {

TEST(LambdaMap, IsProven) { expect_op_proven(lambda_map_info()); }

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

// A NaN stays one, and what lies beyond all bounds has the limit, wherever it lies in a row.
TEST(LambdaMap, EveryImplementationKeepsNaNAndInfinity) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const int64_t n = 37;
  for (const ImplementationInfo& implementation : lambda_map_info().implementations_on(Device::Kind::cpu)) {
    for (const double up_bound : {0.0, 0.5}) {
      for (int64_t at = 0; at < n; ++at) {
        std::vector<float> values(n, 1.0F);
        const auto map_of = [&](float value) {
          values[static_cast<size_t>(at)] = value;
          const ImplementationScope forced("lambda_map", implementation.name);
          const Variable head(Tensor::from(Shape{1, 1, 1, 1, n}, values), true);
          const Variable map = lambda_map(head, {.up_bound = up_bound});
          map.backward(Tensor::full(map.shape(), 1.0));
          return std::pair(map.value().data<float>()[at], head.grad().data<float>()[at]);
        };
        const auto [of_nan, grad_of_nan] = map_of(nan);
        EXPECT_TRUE(std::isnan(of_nan) && std::isnan(grad_of_nan)) << implementation.name << " at " << at;
        EXPECT_EQ(map_of(-inf), std::pair(0.0F, 0.0F)) << implementation.name << " at " << at;
        EXPECT_EQ(map_of(inf), up_bound > 0.0 ? std::pair(0.5F, 0.0F) : std::pair(inf, 0.1F))
            << implementation.name << " at " << at;
      }
    }
  }
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
