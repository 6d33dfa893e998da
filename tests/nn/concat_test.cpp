#include "nn/concat/concat.h"

#include <gtest/gtest.h>

#include "support/op_test.h"
#include "tensor/error.h"

namespace primal {
namespace {

Variable leaf(const Shape& shape, const std::vector<double>& values) {
  return {Tensor::from(shape, values), true};
}

TEST(Concat, IsProven) { expect_op_proven(concat_info()); }

TEST(Concat, PutsPartsBehindEachOtherInEveryBlock) {
  const Variable a = leaf({2, 1, 2}, {1, 2, 3, 4}), b = leaf({2, 2, 2}, {5, 6, 7, 8, 9, 10, 11, 12});
  const Variable y = concat({a, b}, 1);
  EXPECT_EQ(y.shape(), Shape({2, 3, 2}));
  EXPECT_EQ(y.value().to_doubles(), (std::vector<double>{1, 2, 5, 6, 7, 8, 3, 4, 9, 10, 11, 12}));
  y.backward(y.value());
  EXPECT_EQ(a.grad().to_doubles(), a.value().to_doubles());
  EXPECT_EQ(b.grad().to_doubles(), b.value().to_doubles());
}

TEST(Concat, APartTakenTwiceGetsBothGradients) {
  const Variable a = leaf({2}, {1, 2});
  concat({a, a}, 0).backward(Tensor::from(Shape{4}, std::vector<double>{1, 2, 30, 40}));
  EXPECT_EQ(a.grad().to_doubles(), (std::vector<double>{31, 42}));
}

TEST(Concat, BlocksLongerThanAChunkArriveWhole) {
  const OpCase large{"large", {{"axis", 1}}, {{"a", {2, 3, 40000}}, {"b", {2, 1, 40000}}}};
  const TensorMap inputs = make_inputs(large, DType::f32);
  const Tensor y = concat({inputs.at("a"), inputs.at("b")}, 1).value();
  const std::vector<double> a = inputs.at("a").to_doubles(), b = inputs.at("b").to_doubles();
  std::vector<double> expected(a.begin(), a.begin() + 120000);
  expected.insert(expected.end(), b.begin(), b.begin() + 40000);
  expected.insert(expected.end(), a.begin() + 120000, a.end());
  expected.insert(expected.end(), b.begin() + 40000, b.end());
  EXPECT_EQ(y.to_doubles(), expected);
}

TEST(Concat, NamesThePartThatDoesNotFit) {
  const auto message_of = [](const std::vector<Variable>& parts, int axis) -> std::string {
    try {
      concat(parts, axis);
    } catch (const ShapeError& error) {
      return error.what();
    }
    return "no error";
  };
  const Variable a = Tensor::zeros({2, 3, 4}), b = Tensor::zeros({2, 3, 5});
  EXPECT_EQ(message_of({a, b}, 1),
            "[concat] part 1 does not fit part 0 along axis 1: f32[2,3,5] and f32[2,3,4]");
  EXPECT_EQ(message_of({a, Tensor::zeros({2, 3, 4}, DType::f64)}, -1),
            "[concat] part 1 does not fit part 0 along axis 2: f64[2,3,4] and f32[2,3,4]");
  EXPECT_EQ(message_of({a}, 3), "[concat] axis 3 is outside of f32[2,3,4]");
  EXPECT_EQ(message_of({}, 0), "[concat] there are no parts");
}

}  // namespace
}  // namespace primal
