#include "nn/unet/unet.h"

#include <algorithm>
#include <gtest/gtest.h>

#include "tensor/error.h"

namespace primal {
namespace {

TEST(UNet, HasTheThesisModelsParametersAtItsDefault) {
  Initialiser init;
  const UNet net(UNetOptions{}, init);
  EXPECT_EQ(net.n_parameters(), 1796034);
  const TensorMap state = net.state();
  EXPECT_EQ(state.at("c0x0.conv_block.0.weight").shape(), (Shape{32, 1, 1, 3, 3}));
  EXPECT_EQ(state.at("encoder.2.double_conv.conv_block.2.weight").shape(), (Shape{256, 256, 1, 3, 3}));
  EXPECT_EQ(state.at("decoder.0.upsampling.1.weight").shape(), (Shape{128, 256, 1, 1, 1}));
  EXPECT_EQ(state.at("decoder.2.double_conv.conv_block.0.weight").shape(), (Shape{32, 64, 1, 3, 3}));
  EXPECT_EQ(state.at("c1x1.bias").shape(), (Shape{2}));
}

TEST(UNet, KeepsTheSizeForAnyFiltersAndBlocks) {
  for (const int64_t blocks : {0, 1, 2, 4}) {
    Initialiser init;
    const UNet net({.filters = 3, .blocks = blocks}, init);
    const int64_t side = 2 << blocks;
    const NoGrad no_grad;
    EXPECT_EQ(net.forward(Tensor::zeros({2, 1, 3, side, 2 * side})).shape(),
              (Shape{2, 2, 3, side, 2 * side}));
  }
}

TEST(UNet, EveryParameterTakesPart) {
  Initialiser init(3, DType::f64);
  const UNet net({.filters = 2, .blocks = 2}, init);
  const Tensor z = Tensor::empty({1, 1, 1, 8, 8}, DType::f64);
  RandomStream(1, RandomPurpose::test).fill_normal(z);
  net.forward(z).backward(Tensor::full({1, 2, 1, 8, 8}, 1.0, DType::f64));
  for (const auto& [name, parameter] : net.parameters()) {
    const std::vector<double> g = parameter.grad().to_doubles();
    EXPECT_TRUE(std::ranges::any_of(g, [](double v) { return v != 0.0; })) << name;
  }
}

TEST(UNet, RefusesWhatItCannotBuildOrHalve) {
  Initialiser init;
  EXPECT_THROW(UNet({.filters = 0}, init), ConfigError);
  EXPECT_THROW(UNet({.blocks = 9}, init), ConfigError);
  EXPECT_THROW(UNet({.kernel = {1, 2, 3}}, init), ConfigError);
  const UNet net({.filters = 2, .blocks = 2}, init);
  EXPECT_THROW(net.forward(Tensor::zeros({1, 1, 1, 6, 8})), ShapeError);
  EXPECT_THROW(net.forward(Tensor::zeros({1, 2, 1, 8, 8})), ShapeError);
}

}  // namespace
}  // namespace primal
