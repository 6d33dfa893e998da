#include "nn/linear/linear.h"

#include <cmath>
#include <gtest/gtest.h>

#include "support/op_test.h"
#include "tensor/error.h"
#include "tensor/simt/recording.h"

namespace primal {
namespace {

Variable leaf(const Shape& shape, const std::vector<double>& values) {
  return {Tensor::from(shape, values), true};
}

TEST(Linear, IsProven) { expect_op_proven(linear_info()); }

TEST(Linear, MatchesHandArithmetic) {
  const Variable x = leaf({2, 3}, {1, 2, 3, 4, 5, 6});
  const Variable weight = leaf({2, 3}, {1, 0, -1, 2, 1, 0}), bias = leaf({2}, {10, 20});
  const Variable y = linear(x, weight, bias);
  EXPECT_EQ(y.value().to_doubles(), (std::vector<double>{8, 24, 8, 33}));
  y.backward(Tensor::from(Shape{2, 2}, std::vector<double>{1, 0, 10, 100}));
  EXPECT_EQ(x.grad().to_doubles(), (std::vector<double>{1, 0, -1, 210, 100, -10}));
  EXPECT_EQ(weight.grad().to_doubles(), (std::vector<double>{41, 52, 63, 400, 500, 600}));
  EXPECT_EQ(bias.grad().to_doubles(), (std::vector<double>{11, 100}));
}

TEST(Linear, TheLayerStartsWithinItsBound) {
  Initialiser initialiser(3);
  const Linear layer(initialiser, 16, 5);
  const TensorMap state = layer.state();
  EXPECT_EQ(state.at("weight").shape(), Shape({5, 16}));
  EXPECT_EQ(state.at("bias").shape(), Shape({5}));
  for (double w : state.at("weight").to_doubles()) EXPECT_LE(std::abs(w), 0.25);
  EXPECT_EQ(layer(Tensor::zeros({2, 16})).value().slice(1, 2).to_doubles(), state.at("bias").to_doubles());
}

TEST(Linear, NamesWhatDoesNotFit) {
  const auto message_of = [](const Shape& x, const Shape& weight, const Shape& bias) -> std::string {
    try {
      linear(Tensor::zeros(x), Tensor::zeros(weight), Tensor::zeros(bias));
    } catch (const ShapeError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(message_of({2, 3}, {5, 4}, {5}),
            "[linear] weight expects 4 features, x has 3: x=[2,3] weight=[5,4]");
  EXPECT_EQ(message_of({2, 3}, {5, 3}, {4}), "[linear] bias must be f32[5]: f32[4]");
  EXPECT_EQ(message_of({2, 3}, {5, 3, 1}, {5}), "[linear] weight must be f32 [O,C]: f32[5,3,1]");
  EXPECT_EQ(message_of({}, {5, 3}, {5}), "[linear] x must be f32 or f64 [..,C]: f32[]");
}

// A grid may have 2^31 - 1 blocks along x but only 65535 along y: 2,097,120 rows, were they there.
TEST(Linear, TilesOfRowsAndOfColumnsAreCountedAlongX) {
  const auto on_device = [](const Shape& shape) { return Tensor::zeros(shape, DType::f32, Device::simt()); };
  const simt::Recording recording({.races = false});
  linear(on_device({65, 4}), on_device({33, 4}));
  ASSERT_EQ(recording.launches().size(), 1U);
  EXPECT_EQ(recording.launches()[0].counters.grid, (std::array<unsigned, 3>{3 * 2, 1, 1}));
}

}  // namespace
}  // namespace primal
