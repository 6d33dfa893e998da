// Denoising by a model and by a number: what the solver and the network say, on whole pictures and on files'
// pictures.
#include "model/denoise.h"

#include <cmath>
#include <gtest/gtest.h>

#include "data/preprocess/preprocess.h"
#include "model/noise_variances.h"
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

// A ramp with stripes and white noise of deviation 0.1.
Tensor striped_picture() {
  const Tensor z = Tensor::empty({1, 1, 1, 72, 80});
  RandomStream(5, RandomPurpose::test).fill_normal(z, 0.5, 0.1);
  for (int64_t i = 0; i < z.numel(); ++i)
    z.data<float>()[i] += i % 80 < 40 ? 0.0F : 0.2F * std::sin(1.3F * static_cast<float>(i % 80));
  return z;
}

TEST(Denoise, RefinesTheMapIfTheModelOrTheCallerSaysSo) {
  UnrolledTvOptions options = small_model().options();
  options.refine = true;
  Initialiser init(3);
  const UnrolledTv plain = small_model(), refining(options, init);
  const Tensor z = striped_picture();
  const Denoised proposed = denoise(plain, z), refined = denoise(refining, z);
  EXPECT_FALSE(proposed.is_refined);
  EXPECT_TRUE(refined.is_refined);
  EXPECT_NE(refined.lambda.to_doubles(), proposed.lambda.to_doubles());
  EXPECT_EQ(denoise(refining, z, {.refine = false}).x.to_doubles(), proposed.x.to_doubles());
  EXPECT_EQ(denoise(plain, z, {.refine = true}).x.to_doubles(), refined.x.to_doubles());
  EXPECT_EQ(denoise(refining, z, {.variance = noise_variances(estimate_noise_model(z), z)}).x.to_doubles(),
            refined.x.to_doubles());
  EXPECT_NE(denoise(refining, z, {.variance = noise_variances(0.2, z)}).x.to_doubles(),
            refined.x.to_doubles());
  // x is PDHG's with that map.
  EXPECT_EQ(refining.solve(z, refined.lambda).value().to_doubles(), refined.x.to_doubles());
  EXPECT_EQ(denoise_for_each(refining, z, {6}, {}).front().x.to_doubles(), refined.x.to_doubles());
  EXPECT_EQ(denoise_with_map_of(refining, z, z).x.to_doubles(), refined.x.to_doubles());
}

TEST(Denoise, MakesAMapOfANumberIfItIsRefined) {
  const Tensor z = striped_picture();
  const Denoised refined = denoise(0.1, z, {.refine = true});
  EXPECT_TRUE(refined.is_refined && refined.has_map());
  EXPECT_FALSE(denoise(0.1, z).has_map());
}

TEST(Denoise, KeepsTheMapOfAPictureWhoseNoiseIsNotKnown) {
  const Tensor small = noisy_picture(), clean = Tensor::full({1, 1, 1, 80, 80}, 0.5);
  for (const Tensor& z : {small, clean}) {
    EXPECT_FALSE(denoise(small_model(), z, {.refine = true}).is_refined);
    const Denoised scalar = denoise(0.1, z, {.refine = true});
    EXPECT_TRUE(!scalar.is_refined && scalar.has_map());
    EXPECT_EQ(scalar.x.to_doubles(), denoise(0.1, z).x.to_doubles());
  }
}

TEST(NoiseVariances, FollowTheLineOverTheIntensity) {
  NoiseModel noise;
  noise.estimate.sigma = 0.1;
  noise.line.a = 0.001;
  noise.line.b = 0.02;
  noise.line.classes = {{0.2, 0.005, 1e-4}, {0.8, 0.017, 1e-4}};
  const Tensor z = Tensor::empty({1, 1, 1, 40, 40});
  for (int64_t i = 0; i < z.numel(); ++i) z.data<float>()[i] = i % 40 < 20 ? 0.5F : 0.95F;
  const Tensor v = noise_variances(noise, z);
  EXPECT_FLOAT_EQ(v.data<float>()[0], 1.1F * 0.011F);
  EXPECT_FLOAT_EQ(v.data<float>()[39], 1.1F * 0.017F);  // no farther than the classes reach
  noise.line.b = -0.02;
  EXPECT_FLOAT_EQ(noise_variances(noise, z).data<float>()[39], 1.1F * 0.01F);
  // Local noise counts where it is far above that.
  noise.local = Tensor::full({3, 3}, 0.015);
  noise.local.data<float>()[0] = 0.05F;
  const Tensor with_local = noise_variances(noise, z);
  EXPECT_FLOAT_EQ(with_local.data<float>()[0], 0.05F);
  EXPECT_FLOAT_EQ(with_local.data<float>()[40 * 40 - 1], 1.1F * 0.01F);
  EXPECT_FLOAT_EQ(noise_variances(0.2, z).data<float>()[39], 0.04F);
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
