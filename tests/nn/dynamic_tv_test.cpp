#include "nn/dynamic_tv/dynamic_tv.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

#include "autograd/gradcheck.h"
#include "nn/mse_loss/mse_loss.h"
#include "tensor/error.h"

namespace primal {
namespace {

using Phase = DynamicTv::Phase;

Tensor random_frames(const Shape& shape, uint32_t sample) {
  const Tensor t = Tensor::empty(shape, DType::f64);
  RandomStream(7, RandomPurpose::test, 0, sample).fill_uniform(t, 0.0, 1.0);
  return t;
}

TEST(DynamicUNet, HasThePublishedNetworksParameters) {
  Initialiser init;
  const DynamicUNet net({}, init);
  // Double convolutions 7,376 + 41,536 + 166,016 and 83,008 + 20,768, upconvs 55,328 + 13,840, head 34.
  EXPECT_EQ(net.n_parameters(), 387906);
  const TensorMap state = net.state();
  EXPECT_EQ(state.size(), 26u);
  EXPECT_EQ(state.at("encoder.enc_blocks.0.conv_block.0.weight").shape(), (Shape{16, 1, 3, 3, 3}));
  EXPECT_EQ(state.at("encoder.enc_blocks.2.conv_block.2.bias").shape(), (Shape{64}));
  EXPECT_EQ(state.at("decoder.upconvs.0.weight").shape(), (Shape{32, 64, 3, 3, 3}));
  EXPECT_EQ(state.at("decoder.dec_blocks.1.conv_block.0.weight").shape(), (Shape{16, 32, 3, 3, 3}));
  EXPECT_EQ(state.at("c1x1.weight").shape(), (Shape{2, 16, 1, 1, 1}));
}

TEST(DynamicUNet, KeepsTheSizeThoughPoolingDropsOddEnds) {
  Initialiser init;
  const DynamicUNet net({.filters = 2}, init);
  const NoGrad no_grad;
  for (const Shape& shape : {Shape{1, 1, 4, 4, 4}, Shape{2, 1, 7, 5, 6}})
    EXPECT_EQ(net.forward(Tensor::zeros(shape)).shape(), (Shape{shape[0], 2, shape[2], shape[3], shape[4]}));
}

TEST(DynamicUNet, RefusesWhatItCannotBuildOrPool) {
  Initialiser init;
  EXPECT_THROW(DynamicUNet({.filters = 0}, init), ConfigError);
  EXPECT_THROW(DynamicUNet({.stages = 0}, init), ConfigError);
  EXPECT_THROW(DynamicTv({.unet = {.out_channels = 1}}, init), ConfigError);
  EXPECT_THROW(DynamicTv({.unet = {}, .up_bound = 0.0}, init), ConfigError);
  const DynamicUNet net({.filters = 2}, init);
  EXPECT_THROW(net.forward(Tensor::zeros({1, 1, 8, 8, 3})), ShapeError);
  EXPECT_THROW(net.forward(Tensor::zeros({1, 2, 8, 8, 8})), ShapeError);
}

TEST(DynamicTv, SharesOneMapBetweenXAndYAndKeepsItBelowItsBound) {
  Initialiser init(3, DType::f64);
  const DynamicTv model({.unet = {.filters = 2}, .up_bound = 0.5, .n_iter = 4, .pad_xy = 2, .pad_t = 3},
                        init);
  const NoGrad no_grad;
  const Tensor z = random_frames({1, 1, 5, 4, 6}, 1);
  const DynamicTv::Result result = model.forward(z, Phase::testing);
  EXPECT_EQ(result.lambda.shape(), (Shape{1, 3, 5, 4, 6}));
  EXPECT_EQ(result.denoised.shape(), z.shape());
  const std::vector<double> map = result.lambda.value().to_doubles();
  const int64_t n = z.numel();
  EXPECT_TRUE(std::equal(map.begin(), map.begin() + n, map.begin() + n));
  EXPECT_FALSE(std::equal(map.begin(), map.begin() + n, map.begin() + 2 * n));
  for (const double m : map) EXPECT_TRUE(m > 0.0 && m < 0.5) << m;
}

TEST(DynamicTv, StartsAtAPairOfWeightsAndLearnsFromThere) {
  Initialiser init(3);
  const DynamicTv model({.unet = {.filters = 2}, .up_bound = 0.5, .n_iter = 4, .pad_xy = 2, .pad_t = 3},
                        init);
  const std::vector<double> drawn =
      model.state().at("cnn.encoder.enc_blocks.1.conv_block.0.weight").to_doubles();
  EXPECT_THROW(model.start_at(0.1, 0.5), ConfigError);
  EXPECT_THROW(model.start_at(0.0, 0.1), ConfigError);
  model.start_at(0.03, 0.2);
  // U(-1, 1)/sqrt(fan_in) has become He's U(-1, 1) sqrt(6 / fan_in).
  const std::vector<double> he =
      model.state().at("cnn.encoder.enc_blocks.1.conv_block.0.weight").to_doubles();
  for (size_t i = 0; i < he.size(); ++i) EXPECT_NEAR(he[i], std::sqrt(6.0) * drawn[i], 1e-6);

  const Tensor z = random_frames({1, 1, 5, 4, 6}, 1).to(DType::f32);
  const DynamicTv::Result result = model.forward(z, Phase::training);
  const std::vector<double> map = result.lambda.value().to_doubles();
  for (size_t i = 0; i < map.size(); ++i) EXPECT_NEAR(map[i], i < 2 * map.size() / 3 ? 0.03 : 0.2, 1e-6);

  result.denoised.backward(z);
  const auto gradient_of = [&](const std::string& wanted) {
    for (const auto& [name, parameter] : model.parameters()) {
      if (name == wanted) return parameter.grad().to_doubles();
    }
    return std::vector<double>();
  };
  // The head learns first, the layers before it as soon as it is not zero any more.
  const std::vector<double> head = gradient_of("cnn.c1x1.weight");
  EXPECT_TRUE(std::any_of(head.begin(), head.end(), [](double g) { return g != 0.0; }));
}

// Frames that repeat after 4: a circular border of 4 is one more period, so the map repeats away from the
// ends; a reflected border is not, and at the ends the phases differ.
TEST(DynamicTv, PhasesDifferInHowTimeIsPadded) {
  Initialiser init(3, DType::f64);
  const DynamicTv model({.unet = {.filters = 2, .stages = 1}, .n_iter = 0, .pad_xy = 0, .pad_t = 4}, init);
  const Tensor period = random_frames({1, 1, 2, 2, 4}, 2), z = Tensor::empty({1, 1, 2, 2, 8}, DType::f64);
  for (int64_t i = 0; i < 32; ++i) z.data<double>()[i] = period.data<double>()[i / 8 * 4 + i % 4];
  const NoGrad no_grad;
  const auto misfit = [&](Phase phase) {
    const std::vector<double> map = model.forward(z, phase).lambda.value().to_doubles();
    double worst = 0.0;
    for (size_t line = 0; line < map.size(); line += 8)
      for (size_t t = 0; t < 4; ++t) worst = std::max(worst, std::abs(map[line + t] - map[line + t + 4]));
    return worst;
  };
  EXPECT_LT(misfit(Phase::testing), 1e-15);
  EXPECT_GT(misfit(Phase::training), 1e-6);
}

TEST(DynamicTv, GradientOfEveryParameterMatchesCentralDifferences) {
  Initialiser init(2, DType::f64);
  const DynamicTv model({.unet = {.filters = 2, .stages = 2}, .n_iter = 5, .pad_xy = 1, .pad_t = 2}, init);
  const Tensor z = random_frames({1, 1, 4, 3, 5}, 3), clean = random_frames({1, 1, 4, 3, 5}, 4);
  NamedGradcheck check;
  std::vector<Tensor> values;
  for (const auto& [name, parameter] : model.parameters()) {
    check.names.push_back(name);
    // sigmoid(10) is flat to 5e-5: move the raw steps to where they matter.
    if (parameter.shape().rank() == 0) parameter.value().fill(0.5);
    values.push_back(parameter.value().clone());
  }
  const auto put = [&](const std::vector<Tensor>& list) {
    for (size_t i = 0; i < list.size(); ++i) model.parameters()[i].second.value().copy_from(list[i]);
  };
  check.loss = [&](const std::vector<Tensor>& list) {
    put(list);
    const NoGrad no_grad;
    return mse_loss(model.forward(z, Phase::training).denoised, clean).value();
  };
  check.gradients = [&](const std::vector<Tensor>& list) {
    put(list);
    model.zero_grad();
    mse_loss(model.forward(z, Phase::training).denoised, clean).backward();
    std::vector<Tensor> grads;
    for (const auto& [name, parameter] : model.parameters()) grads.push_back(parameter.grad().clone());
    return grads;
  };
  const CheckReport report = gradcheck(check, values, {.step = 1e-5, .tolerance = 1e-8, .max_elements = 8});
  EXPECT_TRUE(report.ok) << report.message;
  EXPECT_GT(report.n_points, 60);
}

}  // namespace
}  // namespace primal
