#include "nn/softmax/softmax.h"

#include <cmath>
#include <gtest/gtest.h>

#include "support/op_test.h"
#include "tensor/error.h"

namespace primal {
namespace {

TEST(Softmax, IsProven) { expect_op_proven(softmax_info()); }

TEST(Softmax, MatchesHandArithmetic) {
  const Variable x(Tensor::from(Shape{1, 3}, std::vector<double>{0, std::log(2.0), std::log(5.0)}), true);
  const Variable y = softmax(x, 1);
  const std::vector<double> expected = {1.0 / 8, 2.0 / 8, 5.0 / 8};
  for (size_t k = 0; k < 3; ++k) EXPECT_NEAR(y.value().to_doubles()[k], expected[k], 1e-15);
  y.backward(Tensor::from(Shape{1, 3}, std::vector<double>{8, 0, 0}));  // <y, g> = 1
  const std::vector<double> gradient = {7.0 / 8, -2.0 / 8, -5.0 / 8};
  for (size_t k = 0; k < 3; ++k) EXPECT_NEAR(x.grad().to_doubles()[k], gradient[k], 1e-15);
}

TEST(Softmax, StaysFiniteFarOut) {
  const Variable x = Tensor::from(Shape{3}, std::vector<float>{-1e4f, 0.0f, 1e4f});
  EXPECT_EQ(softmax(x, 0).value().to_doubles(), (std::vector<double>{0, 0, 1}));
}

TEST(Softmax, NamesAnAxisThatIsNotThere) {
  const auto message_of = [](const Shape& x, int axis) -> std::string {
    try {
      softmax(Tensor::zeros(x), axis);
    } catch (const ShapeError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(message_of({2, 3}, 2), "[softmax] axis 2 is outside of f32[2,3]");
  EXPECT_EQ(message_of({2, 3}, -3), "[softmax] axis -3 is outside of f32[2,3]");
  EXPECT_EQ(message_of({2, 0}, -1), "[softmax] axis 1 of f32[2,0] has no elements");
}

}  // namespace
}  // namespace primal
