// What a batch without clean pictures holds, and that the mean gradients are those of the true error.
#include "apps/training/noisy_sample.h"

#include <cmath>
#include <gtest/gtest.h>

#include "apps/training/denoising_task.h"
#include "model/model_options.h"
#include "support/noisy_pictures.h"

namespace primal {
namespace {

using testing::noisy_only;
using testing::noisy_root;

TrainConfig tiny(const std::string& folder, const std::string& loss) {
  return testing::tiny_without_clean(folder, loss);
}

const std::vector<int64_t> kTwo = {0, 1};

TEST(NoisySample, SureKnowsTheNoiseThatWasAdded) {
  const TrainConfig config = tiny("sample_known", "sure");
  DenoisingTask task(config);
  const TensorMap batch = task.batch(3, kTwo);
  EXPECT_EQ(batch.size(), 5u);
  EXPECT_EQ(batch.count("clean"), 0u);
  TrainConfig supervised = config;
  supervised.training.loss = "mse";
  const TensorMap known = DenoisingTask(supervised).batch(3, kTwo);
  EXPECT_EQ(batch.at("noisy").to_doubles(), known.at("noisy").to_doubles());  // the same draws
  for (int64_t k = 0; k < 2; ++k) {
    const NoiseKey key{42, 3, static_cast<uint32_t>(k)};
    const double s = draw_noise_level(config.noise.low, config.noise.high, key);
    const double sigma = s * sample_deviation(known.at("clean").slice(k, k + 1));
    EXPECT_NEAR(batch.at("sigma").to_doubles()[static_cast<size_t>(k)], sigma, 1e-6 * sigma);
    EXPECT_NEAR(batch.at("eps").to_doubles()[static_cast<size_t>(k)], config.training.probe_step * sigma,
                1e-6 * sigma);
  }
  const std::vector<double> z = batch.at("noisy").to_doubles(), moved = batch.at("moved").to_doubles(),
                            b = batch.at("probe").to_doubles(), eps = batch.at("eps").to_doubles();
  for (size_t i = 0; i < z.size(); ++i) {
    ASSERT_EQ(std::abs(b[i]), 1.0);
    ASSERT_NEAR(moved[i], z[i] + eps[i / (z.size() / 2)] * b[i], 1e-6);
  }
}

TEST(NoisySample, ProbesDifferBetweenEpochsAndSamplesAndAreRepeated) {
  DenoisingTask task(tiny("sample_probe", "sure"));
  const auto probe = [&](int64_t epoch, int64_t sample) {
    return task.batch(epoch, std::vector<int64_t>{sample}).at("probe").to_doubles();
  };
  EXPECT_EQ(probe(2, 1), probe(2, 1));
  EXPECT_NE(probe(2, 1), probe(3, 1));
  EXPECT_NE(probe(2, 1), probe(2, 0));
}

TEST(NoisySample, TheTwoNoisesOfNoise2NoiseAreIndependent) {
  TrainConfig config = tiny("sample_pairs", "noise2noise");
  config.data.size = 64;
  config.noise.low = config.noise.high = 0.3;
  const TensorMap batch = DenoisingTask(config).batch(0, std::vector<int64_t>{0});
  config.training.loss = "mse";
  const TensorMap known = DenoisingTask(config).batch(0, std::vector<int64_t>{0});
  EXPECT_EQ(batch.at("noisy").to_doubles(), known.at("noisy").to_doubles());
  const std::vector<double> x = known.at("clean").to_doubles(), a = batch.at("noisy").to_doubles(),
                            b = batch.at("second").to_doubles();
  double aa = 0.0, bb = 0.0, ab = 0.0;
  for (size_t i = 0; i < x.size(); ++i) {
    aa += (a[i] - x[i]) * (a[i] - x[i]);
    bb += (b[i] - x[i]) * (b[i] - x[i]);
    ab += (a[i] - x[i]) * (b[i] - x[i]);
  }
  EXPECT_NEAR(aa / bb, 1.0, 0.15);
  EXPECT_LT(std::abs(ab) / aa, 4.0 / 64.0);
}

TEST(NoisySample, OfNoisyPicturesTheNoiseIsEstimatedOrGiven) {
  TrainConfig config = noisy_only("sample_estimated");
  DenoisingTask task(config);
  const TensorMap batch = task.batch(0, kTwo), again = task.batch(5, kTwo);
  for (const double sigma : batch.at("sigma").to_doubles()) EXPECT_NEAR(sigma, 0.05, 0.025);
  EXPECT_EQ(batch.at("sigma").to_doubles(), again.at("sigma").to_doubles());
  EXPECT_EQ(batch.at("noisy").to_doubles(), again.at("noisy").to_doubles());  // nothing is added
  config.training.sigma = 0.08;
  for (const double sigma : DenoisingTask(config).batch(0, kTwo).at("sigma").to_doubles())
    EXPECT_NEAR(sigma, 0.08, 1e-7);
}

// ---- gradients --------------------------------------------------------------------------------------------

// The gradient of all parameters as one vector.
std::vector<double> gradient_of(const UnrolledTv& model, const TensorMap& sample, DenoisingLoss loss) {
  model.zero_grad();
  denoising_loss(model, sample, loss).backward();
  std::vector<double> all;
  for (const auto& [name, parameter] : model.parameters()) {
    if (name.starts_with("pdhg.")) continue;
    const std::vector<double> one = parameter.grad().to_doubles();
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}

// Mean gradients of a loss without clean pictures and of the true error, over the same draws: their distance,
// and what chance gives it (the root of the sum of the squared standard errors).
struct MeanGradients {
  double distance = 0.0, by_chance = 0.0, norm = 0.0;
};

MeanGradients mean_gradients(DenoisingLoss loss, uint32_t n_draws) {
  TrainConfig config = testing::tiny_training(noisy_root() / "gradients", 1);
  config.training.loss = loss == DenoisingLoss::sure ? "sure" : "noise2noise";
  config.model.iterations = 8;
  config.model.learn_steps = false;
  Initialiser init(3);
  const UnrolledTv model(model_options(config.model), init);
  const Tensor x = make_phantom(1, 0, 16);
  std::vector<double> sum, squares, truth;
  for (uint32_t draw = 0; draw < n_draws; ++draw) {
    const PictureSource source{.picture = x, .level = 0.4, .key = {7, 0, draw}};
    const std::vector<double> estimate = gradient_of(model, noisy_sample(config, loss, source), loss);
    const std::vector<double> exact =
        gradient_of(model, noisy_sample(config, DenoisingLoss::mse, source), DenoisingLoss::mse);
    sum.resize(exact.size());
    squares.resize(exact.size());
    truth.resize(exact.size());
    for (size_t i = 0; i < exact.size(); ++i) {
      const double d = estimate[i] - exact[i];
      sum[i] += d;
      squares[i] += d * d;
      truth[i] += exact[i];
    }
  }
  MeanGradients found;
  const double n = n_draws;
  for (size_t i = 0; i < sum.size(); ++i) {
    const double mean = sum[i] / n;
    found.distance += mean * mean;
    found.by_chance += (squares[i] / n - mean * mean) / n;
    found.norm += truth[i] / n * (truth[i] / n);
  }
  return {std::sqrt(found.distance), std::sqrt(found.by_chance), std::sqrt(found.norm)};
}

TEST(DenoisingLoss, TheMeanGradientOfNoise2NoiseIsThatOfTheTrueError) {
  const MeanGradients g = mean_gradients(DenoisingLoss::noise2noise, 1500);
  EXPECT_LT(g.by_chance, 0.2 * g.norm);  // sharp enough to mean something
  EXPECT_LT(g.distance, 3.0 * g.by_chance) << "gradient " << g.norm;
}

TEST(DenoisingLoss, TheMeanGradientOfSureIsThatOfTheTrueError) {
  const MeanGradients g = mean_gradients(DenoisingLoss::sure, 3000);
  EXPECT_LT(g.by_chance, 0.3 * g.norm);
  EXPECT_LT(g.distance, 3.0 * g.by_chance) << "gradient " << g.norm;
}

}  // namespace
}  // namespace primal
