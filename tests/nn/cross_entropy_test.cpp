#include "nn/cross_entropy/cross_entropy.h"

#include <cmath>
#include <gtest/gtest.h>

#include "support/op_test.h"
#include "tensor/error.h"

namespace primal {
namespace {

Tensor labels_of(const std::vector<int64_t>& labels) {
  return Tensor::from(Shape{std::ssize(labels)}, labels);
}

TEST(CrossEntropy, IsProven) { expect_op_proven(cross_entropy_info()); }

TEST(CrossEntropy, MatchesHandArithmetic) {
  // Probabilities 1/4, 3/4 and 1/2, 1/2.
  const Variable x(Tensor::from(Shape{2, 2}, std::vector<double>{0, std::log(3.0), 7, 7}), true);
  const Variable y = cross_entropy(x, labels_of({0, 1}));
  EXPECT_EQ(y.shape(), Shape{});
  EXPECT_NEAR(y.value().item(), (std::log(4.0) + std::log(2.0)) / 2, 1e-15);
  y.backward();
  const std::vector<double> expected = {-3.0 / 8, 3.0 / 8, 1.0 / 4, -1.0 / 4};
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(x.grad().to_doubles()[i], expected[i], 1e-15);
}

TEST(CrossEntropy, StaysFiniteFarOut) {
  const Variable x(Tensor::from(Shape{1, 2}, std::vector<float>{1e4f, -1e4f}), true);
  const Variable y = cross_entropy(x, labels_of({1}));
  EXPECT_EQ(y.value().item(), 2e4);
  y.backward();
  EXPECT_EQ(x.grad().to_doubles(), (std::vector<double>{1, -1}));
}

TEST(CrossEntropy, TakesLabelsOfAnyIntegerType) {
  const Variable x = Tensor::from(Shape{2, 2}, std::vector<double>{0, 1, 2, 0});
  const Tensor labels = labels_of({1, 0});
  const double expected = cross_entropy(x, labels).value().item();
  EXPECT_EQ(cross_entropy(x, labels.to(DType::u8)).value().item(), expected);
  EXPECT_EQ(cross_entropy(x, labels.to(DType::i32)).value().item(), expected);
}

TEST(CrossEntropy, NamesTheLabelThatIsNoClass) {
  const auto message_of = [](const Shape& x, const Tensor& labels) -> std::string {
    try {
      cross_entropy(Tensor::zeros(x), labels);
    } catch (const ShapeError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(message_of({3, 4}, labels_of({0, 4, 1})), "[cross_entropy] label 4 at 1 is outside of [0, 4)");
  EXPECT_EQ(message_of({3, 4}, labels_of({0, 1, -1})), "[cross_entropy] label -1 at 2 is outside of [0, 4)");
  EXPECT_EQ(message_of({3, 4}, labels_of({0, 1})),
            "[cross_entropy] labels need the shape of x without C: x=f32[3,4] labels=i64[2]");
  EXPECT_EQ(message_of({3, 4}, Tensor::zeros({3})), "[cross_entropy] labels must be integers: f32[3]");
  EXPECT_EQ(message_of({0, 4}, labels_of({})), "[cross_entropy] there are no labels: x=f32[0,4]");
}

TEST(CrossEntropy, OnADeviceLabelsMayComeFromEither) {
  const Tensor x = Tensor::from(Shape{2, 2}, std::vector<float>{0, 1, 2, 0}).to(Device::simt());
  const Tensor here = labels_of({1, 0}), there = here.to(Device::simt());
  const double expected = cross_entropy(x.to(Device{}), here).value().item();
  for (const Tensor& labels : {here, there, here.to(DType::i32), here.to(DType::i32).to(Device::simt())})
    EXPECT_NEAR(cross_entropy(x, labels).value().item(), expected, 1e-7);
  for (const Tensor& labels : {labels_of({0, 2}), labels_of({0, 2}).to(Device::simt())})
    EXPECT_THROW(cross_entropy(x, labels), ShapeError);
}

}  // namespace
}  // namespace primal
