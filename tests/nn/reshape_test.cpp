#include "nn/reshape/reshape.h"

#include <gtest/gtest.h>
#include <vector>

#include "nn/scale/scale.h"
#include "support/op_test.h"
#include "tensor/error.h"

namespace primal {
namespace {

TEST(Reshape, IsProven) { expect_op_proven(reshape_info()); }
TEST(Reshape, FlattenIsProven) { expect_op_proven(flatten_info()); }

TEST(Reshape, SharesTheElementsOfX) {
  const Variable x = Tensor::from(Shape{2, 3}, std::vector<double>{1, 2, 3, 4, 5, 6});
  const Variable y = reshape(x, {3, -1});
  EXPECT_EQ(y.shape(), (Shape{3, 2}));
  EXPECT_EQ(y.value().raw(), x.value().raw());
}

TEST(Reshape, AddsItsGradientToThatOfOtherUses) {
  const Variable x(Tensor::from(Shape{2, 2}, std::vector<double>{1, 2, 3, 4}), true);
  const Variable middle = scale(x, 2.0);
  const std::vector<double> grad_y{1, 10, 100, 1000};
  flatten(reshape(middle, {4, 1}), 0).backward(Tensor::from(Shape{4}, grad_y));
  EXPECT_EQ(x.grad().to_doubles(), (std::vector<double>{2, 20, 200, 2000}));
  reshape(x, {4}).backward(Tensor::from(Shape{4}, grad_y));  // a gradient is there: this one is added
  EXPECT_EQ(x.grad().to_doubles(), (std::vector<double>{3, 30, 300, 3000}));
}

TEST(Reshape, FlattenKeepsTheBatch) {
  EXPECT_EQ(flatten(Tensor::zeros({32, 64, 1, 7, 7})).shape(), (Shape{32, 3136}));
  EXPECT_EQ(flatten(Tensor::zeros({2, 3, 4, 5}), 1, 2).shape(), (Shape{2, 12, 5}));
  EXPECT_EQ(flatten(Tensor::zeros({2, 3, 4, 5}), -2, -1).shape(), (Shape{2, 3, 20}));
  EXPECT_EQ(flatten(Tensor::zeros({})).shape(), (Shape{1}));
}

TEST(Reshape, RefusesWhatHasNoShape) {
  const Variable x = Tensor::zeros({2, 6});
  EXPECT_THROW(reshape(x, {5, -1}), ShapeError);
  EXPECT_THROW(reshape(x, {-1, -1}), ShapeError);
  EXPECT_THROW(reshape(x, {0, -1}), ShapeError);
  EXPECT_THROW(reshape(x, {-2, 6}), ShapeError);
  EXPECT_THROW(reshape(x, {13}), ShapeError);
  EXPECT_THROW(reshape(Tensor::zeros({2}, DType::i64), {2}), ShapeError);
  EXPECT_THROW(flatten(x, 2), ShapeError);
  EXPECT_THROW(flatten(x, 1, 0), ShapeError);
  EXPECT_THROW(flatten(x, 0, -3), ShapeError);
}

}  // namespace
}  // namespace primal
