#include "solvers/difference/difference.h"

#include <gtest/gtest.h>

#include "support/op_test.h"
#include "tensor/error.h"

namespace primal {
namespace {

Variable volume(const Shape& shape, std::vector<double> values) {
  return {Tensor::from(shape, values), true};
}

TEST(Difference, GradientIsProven) { expect_op_proven(gradient_info()); }
TEST(Difference, AdjointIsProven) { expect_op_proven(gradient_adjoint_info()); }

TEST(Difference, MatchesHandArithmeticAndWrapsAround) {
  // 1 4 2
  // 3 9 5
  const Variable x = volume({1, 1, 1, 2, 3}, {1, 4, 2, 3, 9, 5});
  EXPECT_EQ(gradient(x, {3, 4}).value().to_doubles(),
            (std::vector<double>{2, 5, 3, -2, -5, -3,      // down: next row minus this one
                                 3, -2, -1, 6, -4, -2}));  // right: next column minus this one
}

TEST(Difference, AdjointMatchesHandArithmetic) {
  const Variable q = volume({1, 2, 1, 2, 3}, {1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60});
  // down: q above minus q here; right: q to the left minus q here
  EXPECT_EQ(gradient_adjoint(q, {3, 4}).value().to_doubles(),
            (std::vector<double>{4 - 1 + 30 - 10, 5 - 2 + 10 - 20, 6 - 3 + 20 - 30,  //
                                 1 - 4 + 60 - 40, 2 - 5 + 40 - 50, 3 - 6 + 50 - 60}));
}

TEST(Difference, ChannelsFollowTheOrderOfTheAxes) {
  const Variable x = volume({1, 1, 1, 2, 2}, {1, 2, 4, 8});
  EXPECT_EQ(gradient(x, {4, 3}).value().to_doubles(), (std::vector<double>{1, -1, 4, -4, 3, 6, -3, -6}));
}

TEST(Difference, AnAxisOfExtentOneHasDifferenceZero) {
  const Variable x = volume({1, 1, 1, 1, 3}, {1, 5, 2});
  EXPECT_EQ(gradient(x, {3}).value().to_doubles(), (std::vector<double>{0, 0, 0}));
}

TEST(Difference, RefusesAxesThatAreNotThoseOfAVolume) {
  const auto make = [](std::vector<int> axes) { return Axes(std::span<const int>(axes)); };
  EXPECT_THROW(make({}), ShapeError);
  EXPECT_THROW(make({3, 3}), ShapeError);
  EXPECT_THROW(make({1}), ShapeError);
  EXPECT_THROW(make({5}), ShapeError);
  EXPECT_THROW(make({2, 3, 4, 2}), ShapeError);
  try {
    make({3, 7});
    FAIL() << "axes (3,7) were taken";
  } catch (const ShapeError& error) {
    EXPECT_NE(std::string(error.what()).find("(3,7)"), std::string::npos) << error.what();
  }
}

TEST(Difference, RefusesTheWrongNumberOfChannels) {
  EXPECT_THROW(gradient(Variable(Tensor::zeros({1, 2, 1, 4, 4})), {3, 4}), ShapeError);
  EXPECT_THROW(gradient_adjoint(Variable(Tensor::zeros({1, 1, 1, 4, 4})), {3, 4}), ShapeError);
  EXPECT_THROW(gradient(Variable(Tensor::zeros({4, 4})), {3, 4}), ShapeError);
  EXPECT_THROW(gradient(Variable(Tensor::zeros({1, 1, 1, 4, 0})), {3, 4}), ShapeError);
  EXPECT_THROW(gradient(Variable(Tensor::zeros({1, 1, 1, 4, 4}, DType::i32)), {3, 4}), ShapeError);
}

}  // namespace
}  // namespace primal
