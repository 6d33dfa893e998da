#include "nn/scale/scale.h"

#include <gtest/gtest.h>

#include "support/op_test.h"
#include "tensor/error.h"

namespace primal {
namespace {

TEST(Scale, IsProven) { expect_op_proven(scale_info()); }

TEST(Scale, MatchesHandArithmetic) {
  const Variable x(Tensor::from(Shape{3}, std::vector<double>{1, -2, 4}), true);
  const Variable y = scale(x, -0.5);
  EXPECT_EQ(y.value().to_doubles(), (std::vector<double>{-0.5, 1, -2}));
  y.backward(Tensor::from(Shape{3}, std::vector<double>{1, 2, 3}));
  EXPECT_EQ(x.grad().to_doubles(), (std::vector<double>{-0.5, -1, -1.5}));
}

TEST(Scale, RefusesIntegers) { EXPECT_THROW(scale(Tensor::zeros({2}, DType::i64), 2.0), ShapeError); }

}  // namespace
}  // namespace primal
