// Training without clean pictures: a resumed run has the same bits, less is better, and which settings are
// refused.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <gtest/gtest.h>

#include "apps/training/checkpoint.h"
#include "apps/training/denoising_loss.h"
#include "apps/training/denoising_task.h"
#include "apps/training/step_file.h"
#include "apps/training/trainer.h"
#include "support/noisy_pictures.h"
#include "support/resumed_training.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

using testing::noisy_only;

TrainConfig tiny(const std::string& folder, const std::string& loss) {
  return testing::tiny_without_clean(folder, loss);
}

using testing::expect_resumes_bit_for_bit;
using testing::losses_of;
using testing::never;

// ---- the training loop ------------------------------------------------------------------------------------

TEST(NoisyTraining, AResumedRunHasTheSameBits) {
  for (const char* loss : {"sure", "noise2noise"}) {
    SCOPED_TRACE(loss);
    TrainConfig whole = tiny(fmt::format("whole_{}", loss), loss),
                part = tiny(fmt::format("part_{}", loss), loss);
    whole.training.batch = part.training.batch = 2;
    expect_resumes_bit_for_bit(whole, part);
  }
  expect_resumes_bit_for_bit(noisy_only("whole_noisy"), noisy_only("part_noisy"));
}

TEST(NoisyTraining, LessIsBetterWhereTheLossIsTheMetric) {
  TrainConfig config = noisy_only("less");
  config.training.validate_every = 3;
  config.training.learning_rate = 0.02;
  DenoisingTask task(config);
  EXPECT_EQ(task.metric_names(), std::vector<std::string>{"validation_sure_mse"});
  std::vector<double> values;
  std::vector<Baseline> baselines;
  const TrainResult result = train(task, config, false, never, [&](const TrainEvent& e) {
    if (!e.validation.empty()) values.push_back(e.validation.front().mean);
    baselines = e.baselines.empty() ? baselines : e.baselines;
  });
  ASSERT_EQ(values.size(), 4u);
  EXPECT_EQ(result.best, *std::min_element(values.begin(), values.end()));
  const CheckpointInfo saved = checkpoint_info(fs::path(config.output) / "best.safetensors");
  EXPECT_EQ(saved.state.metric, "validation_sure_mse");
  EXPECT_EQ(saved.state.best, result.best);
  ASSERT_EQ(baselines.size(), 2u);
  EXPECT_EQ(baselines[0].name, "noisy");
  EXPECT_EQ(baselines[1].name, "best scalar by SURE");
  EXPECT_LT(baselines[1].metrics.front().mean, baselines[0].metrics.front().mean);
}

TEST(NoisyTraining, WithAddedNoiseTheScoresAreThoseOfTheCleanPictures) {
  for (const char* loss : {"sure", "noise2noise"}) {
    TrainConfig config = tiny(fmt::format("scores_{}", loss), loss);
    const DenoisingTask task(config);
    EXPECT_EQ(task.metric_names(), (std::vector<std::string>{"validation_psnr_db", "validation_ssim"}));
    EXPECT_TRUE(task.larger_is_better());
  }
}

// A task whose weights become NaN at the third step.
class BrokenTask : public DenoisingTask {
 public:
  using DenoisingTask::DenoisingTask;
  Variable loss(const TensorMap& batch) override {
    if (++calls_ == 3) unrolled_tv().parameters()[0].second.value().fill(NAN);
    return DenoisingTask::loss(batch);
  }

 private:
  int calls_ = 0;
};

TEST(NoisyTraining, AStepThatIsNotFiniteIsSavedAndRepeated) {
  for (const char* loss : {"sure", "noise2noise"}) {
    const TrainConfig config = tiny(fmt::format("nan_{}", loss), loss);
    BrokenTask task(config);
    EXPECT_THROW(losses_of(task, config), NumericError);
    const Reproduced r = reproduce_step(fs::path(config.output) / "nan_step_3.safetensors", Device{});
    EXPECT_EQ(r.found_now, r.file.found);
    EXPECT_EQ(r.file.config.training.loss, loss);
  }
}

TEST(NoisyTraining, SureLearnsFromNoisyPicturesAlone) {
  TrainConfig config = tiny("learns", "sure");
  config.data.size = 32;
  config.training.steps = 200;
  config.training.learning_rate = 5e-3;
  config.training.validate_every = 100;
  config.model.learn_steps = false;
  config.model.iterations = 32;
  config.model.up_bound = 1.0;  // a map of about 1/2 at the start, which smooths far too much
  config.noise.low = config.noise.high = config.noise.validation = 0.5;
  config.training.baselines = false;
  DenoisingTask task(config);
  const double before = task.validate([] { return true; }).front().mean;
  losses_of(task, config);
  EXPECT_GT(task.validate([] { return true; }).front().mean, before + 1.0);
}

// ---- settings ---------------------------------------------------------------------------------------------

std::string refusal(const TrainConfig& config) {
  try {
    check_denoising_loss(config);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(NoisyTraining, SettingsThatCannotWorkAreRefused) {
  TrainConfig config;
  config.training.loss = "sure";
  config.noise.low = config.noise.high = 0.0;
  EXPECT_NE(refusal(config).find("phantoms have no noise"), std::string::npos) << refusal(config);
  config.data.folder = "pictures";
  EXPECT_EQ(refusal(config), "no error");
  config.data.size = 8;
  EXPECT_NE(refusal(config).find("pictures of 8 x 8 pixels are too small"), std::string::npos);
  EXPECT_NE(refusal(config).find("give it with training.sigma"), std::string::npos);
  config.training.sigma = 0.1;
  EXPECT_EQ(refusal(config), "no error");
  config.training.estimate_sigma = true;
  EXPECT_NE(refusal(config).find("give only one of them"), std::string::npos);
  config.training.loss = "noise2noise";
  EXPECT_NE(refusal(config).find("training.sigma 0.1 is for training.loss sure"), std::string::npos);
  config.training.sigma = 0.0;
  EXPECT_NE(refusal(config).find("training.estimate_sigma is for training.loss sure"), std::string::npos);
  config.training.estimate_sigma = false;
  EXPECT_NE(refusal(config).find("needs two noisy pictures of each thing"), std::string::npos);
  config.data.manifest = "pairs.csv";
  EXPECT_EQ(refusal(config), "no error");
  EXPECT_THROW(set_config(config, "training.sigma=-0.1"), ConfigError);
  EXPECT_THROW(set_config(config, "training.loss=psnr"), ConfigError);
}

}  // namespace
}  // namespace primal
