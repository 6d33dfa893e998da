// Denoising by a model and by a number: what the solver and the network say, on whole pictures and on files' pictures.
#include "model/denoise.h"

#include <gtest/gtest.h>

#include "data/preprocess/preprocess.h"
#include "tensor/error.h"
#include "tensor/random.h"

namespace primal {
namespace {

UnrolledTv small_model() {
  UnrolledTvOptions options;
  options.unet = {.filters = 2, .blocks = 1};
  options.n_iter = 6;
  Initialiser init(3);
  return UnrolledTv(options, init);
}

Tensor noisy_picture() {
  const Tensor z = Tensor::empty({1, 1, 1, 12, 10});
  RandomStream(5, RandomPurpose::test).fill_uniform(z, 0.0, 1.0);
  return z;
}

TEST(Denoise, IsTheModelsForwardPass) {
  const UnrolledTv model = small_model();
  const Tensor z = noisy_picture();
  const Denoised result = denoise(model, z);
  const UnrolledTv::Result expected = model.forward(z);
  EXPECT_EQ(result.x.to_doubles(), expected.denoised.value().to_doubles());
  EXPECT_EQ(result.lambda.to_doubles(), expected.lambda.value().to_doubles());
  EXPECT_EQ(result.iterations, 6);
  EXPECT_TRUE(result.has_map());
  EXPECT_GT(result.relative_gap, 0.0);
}

TEST(Denoise, TakesOtherIterationsOrAGap) {
  const UnrolledTv model = small_model();
  const Tensor z = noisy_picture();
  EXPECT_EQ(denoise(model, z, {.iterations = 20}).iterations, 20);
  const Denoised tight = denoise(model, z, {.gap = 1e-6}), loose = denoise(model, z, {.gap = 1e-2});
  EXPECT_LE(tight.relative_gap, 1e-6);
  EXPECT_GT(tight.iterations, loose.iterations);
  EXPECT_FALSE(denoise(0.0, z).has_map());
  EXPECT_EQ(denoise(0.1, z).iterations, 256);
}

// One map for all: the same bits as each number of iterations by itself.
TEST(Denoise, ForEachNumberOfIterationsIsWhatEachGivesAlone) {
  const UnrolledTv model = small_model();
  const Tensor z = noisy_picture();
  for (const int64_t tile : {0, 8}) {
    const std::vector<int64_t> iterations{1, 20, 6};
    const std::vector<Denoised> all = denoise_for_each(model, z, iterations, {.tile = tile});
    ASSERT_EQ(all.size(), iterations.size());
    for (size_t i = 0; i < all.size(); ++i) {
      const Denoised alone = denoise(model, z, {.iterations = iterations[i], .tile = tile});
      EXPECT_EQ(all[i].iterations, iterations[i]);
      EXPECT_EQ(all[i].x.to_doubles(), alone.x.to_doubles());
      EXPECT_EQ(all[i].lambda.to_doubles(), alone.lambda.to_doubles());
      EXPECT_EQ(all[i].relative_gap, alone.relative_gap);
    }
  }
  EXPECT_NE(denoise(model, z, {.iterations = 1}).x.to_doubles(), denoise(model, z).x.to_doubles());
}

// Without smoothing x comes back as z.
TEST(Denoise, LeavesThePictureAloneAtLambdaZero) {
  const Tensor z = noisy_picture();
  const std::vector<double> x = denoise(0.0, z).x.to_doubles(), expected = z.to_doubles();
  for (size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(x[i], expected[i], 1e-6);
}

TEST(Denoise, KeepsSizeAndBitDepthOfAPictureAndMakesItGrey) {
  const UnrolledTv model = small_model();
  for (const int bit_depth : {8, 16}) {
    Image colour(9, 7, 3, bit_depth);
    for (size_t i = 0; i < colour.levels.size(); ++i)
      colour.levels[i] = static_cast<uint16_t>(i * 37 % static_cast<size_t>(colour.max_level()));
    const DenoisedPicture result = denoise(model, colour);
    const Tensor x = denoise(model, to_tensor(to_grey(colour))).x;
    EXPECT_EQ(result.picture, to_image(x, bit_depth));
    EXPECT_EQ(result.lambda.shape(), (Shape{1, 1, 1, 7, 9}));
  }
}

TEST(Denoise, RefusesWhatIsNoPictureOrNoWeight) {
  const UnrolledTv model = small_model();
  EXPECT_THROW(denoise(model, Tensor::zeros({12, 10})), ShapeError);
  EXPECT_THROW(denoise(0.1, Tensor::zeros({2, 1, 1, 12, 10})), ShapeError);
  EXPECT_THROW(denoise(-0.1, noisy_picture()), ConfigError);
  EXPECT_THROW(denoise(0.1, noisy_picture(), {.iterations = -1}), ConfigError);
}

}  // namespace
}  // namespace primal
