// The models of two published systems: their sizes, layer by layer, and what training mode changes.
#include <gtest/gtest.h>
#include <map>

#include "nn/casting_autoencoder/casting_autoencoder.h"
#include "nn/casting_classifier/casting_classifier.h"
#include "nn/cross_entropy/cross_entropy.h"
#include "nn/mnist_autoencoder/mnist_autoencoder.h"
#include "tensor/error.h"

namespace primal {
namespace {

Tensor noise(const Shape& shape, uint32_t sample = 0) {
  const Tensor x = Tensor::empty(shape);
  RandomStream(5, RandomPurpose::test, 0, sample).fill_uniform(x, 0.0, 1.0);
  return x;
}

// Numbers in the state under a layer, running statistics among them.
int64_t n_of(const Module& model, const std::string& layer) {
  int64_t n = 0;
  for (const auto& [name, tensor] : model.state()) {
    if (name.starts_with(layer + ".") && is_floating(tensor.dtype())) n += tensor.numel();
  }
  return n;
}

TEST(MnistAutoencoder, HasTheParametersThatItsSummaryPrints) {
  Initialiser init;
  const MnistAutoencoder model({}, init);
  const std::map<std::string, int64_t> printed = {
      {"encoder.conv1", 320},    {"encoder.norm1", 128},    {"encoder.conv2", 18496}, {"encoder.norm2", 256},
      {"encoder.dense", 401536}, {"decoder.dense", 404544}, {"decoder.conv1", 36928}, {"decoder.norm1", 256},
      {"decoder.conv2", 18464},  {"decoder.norm2", 128},    {"decoder.conv3", 289}};
  for (const auto& [layer, n] : printed) EXPECT_EQ(n_of(model, layer), n) << layer;
  EXPECT_EQ(n_of(model, "encoder"), 420736);
  EXPECT_EQ(n_of(model, "decoder"), 460609);
  EXPECT_EQ(model.n_parameters(), 881345 - 384);  // the others are running statistics
}

TEST(MnistAutoencoder, StartsWithGlorotWeightsAndZeroBiases) {
  Initialiser init;
  const MnistAutoencoder model({}, init);
  const TensorMap state = model.state();
  for (const double b : state.at("encoder.dense.bias").to_doubles()) EXPECT_EQ(b, 0.0);
  double largest = 0.0;
  for (const double w : state.at("encoder.conv2.weight").to_doubles())
    largest = std::max(largest, std::abs(w));
  const double bound = std::sqrt(6.0 / ((32 + 64) * 9));
  EXPECT_LE(largest, bound);
  EXPECT_GT(largest, 0.99 * bound);  // of 18,432 weights
}

TEST(MnistAutoencoder, OnlyTrainingModeChangesTheRunningStatistics) {
  Initialiser init;
  const MnistAutoencoder model({.filters = {2, 3}, .latent = 4, .size = 8}, init);
  const Tensor x = noise({3, 1, 1, 8, 8});
  const Tensor mean = model.buffers().at("encoder.norm1.running_mean");
  const std::vector<double> before = mean.to_doubles();
  const MnistAutoencoder::Result result = model.forward(x, Mode::inference);
  EXPECT_EQ(result.latent.shape(), (Shape{3, 4}));
  EXPECT_EQ(result.y.shape(), x.shape());
  EXPECT_EQ(mean.to_doubles(), before);
  model.forward(x, Mode::training);
  EXPECT_NE(mean.to_doubles(), before);
}

TEST(MnistAutoencoder, RejectsSidesAndPicturesThatDoNotFit) {
  Initialiser init;
  EXPECT_THROW(MnistAutoencoder({.size = 30}, init), ConfigError);
  const MnistAutoencoder model({.filters = {2, 2}, .latent = 2, .size = 8}, init);
  EXPECT_THROW(model.forward(noise({1, 1, 1, 12, 12}), Mode::inference), ShapeError);
}

TEST(CastingClassifier, HasItsPublishedSize) {
  Initialiser init;
  const CastingClassifier model({}, init);
  EXPECT_EQ(model.n_parameters(), 1483842);
  EXPECT_EQ(model.state().at("linear_1.weight").shape(), (Shape{128, 32 * 19 * 19}));
}

TEST(CastingClassifier, DropoutDependsOnTheKeyAndOnlyInTraining) {
  Initialiser init;
  const CastingClassifier model({.height = 40, .width = 40, .filters = {4, 8}, .hidden = 16}, init);
  const Tensor x = noise({2, 1, 1, 40, 40});
  const auto logits = [&](Mode mode, uint32_t epoch) {
    return model.forward(x, mode, DropoutKey{.seed = 1, .epoch = epoch}).value().to_doubles();
  };
  EXPECT_EQ(logits(Mode::training, 0), logits(Mode::training, 0));
  EXPECT_NE(logits(Mode::training, 0), logits(Mode::training, 1));
  EXPECT_EQ(logits(Mode::inference, 0), logits(Mode::inference, 1));
}

TEST(CastingClassifier, EveryParameterHasAGradient) {
  Initialiser init;
  const CastingClassifier model({.height = 40, .width = 40, .filters = {4, 8}, .hidden = 16}, init);
  cross_entropy(model.forward(noise({3, 1, 1, 40, 40}), Mode::training),
                Tensor::from(Shape{3}, std::vector<int64_t>{0, 1, 1}))
      .backward();
  for (const auto& [name, parameter] : model.parameters()) {
    double sum = 0.0;
    for (const double g : parameter.grad().to_doubles()) sum += std::abs(g);
    EXPECT_GT(sum, 0.0) << name;
  }
}

TEST(CastingClassifier, RejectsWhatItCannotBe) {
  Initialiser init;
  EXPECT_THROW(CastingClassifier({.height = 8, .width = 300}, init), ConfigError);
  EXPECT_THROW(CastingClassifier({.dropout = {0.3, 1.0}}, init), ConfigError);
  const CastingClassifier model({.height = 9, .width = 9}, init);
  EXPECT_THROW(model.forward(noise({1, 1, 1, 9, 10}), Mode::inference), ShapeError);
}

TEST(CastingAutoencoder, HasItsPublishedSizeAndKeepsThatOfThePictures) {
  Initialiser init;
  EXPECT_EQ(CastingAutoencoder({}, init).n_parameters(), 739073);
  const CastingAutoencoder model({.filters = {2, 3, 4}}, init);
  for (const Shape& shape : {Shape{2, 1, 1, 16, 8}, Shape{1, 1, 1, 13, 21}, Shape{1, 1, 1, 3, 9}}) {
    const Variable y = model.forward(noise(shape));
    EXPECT_EQ(y.shape(), shape);
    for (const double v : y.value().to_doubles()) EXPECT_TRUE(v > 0.0 && v < 1.0);
  }
  EXPECT_THROW(model.forward(noise({1, 3, 1, 8, 8})), ShapeError);
}

}  // namespace
}  // namespace primal
