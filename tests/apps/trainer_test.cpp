// The training loop on a task small enough to see through.
#include "apps/training/trainer.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <new>

#include "apps/training/denoising_task.h"
#include "data/image/image.h"
#include "data/phantom/phantom.h"
#include "data/preprocess/preprocess.h"
#include "data/safetensors/safetensors.h"
#include "nn/adam/adam.h"
#include "nn/unrolled_tv/reference_layout.h"
#include "support/resumed_training.h"
#include "support/temporary_folder.h"
#include "support/tiny_training.h"
#include "tensor/error.h"
#include "tensor/exec.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

// One for the process: tests may run side by side.
const fs::path& root() {
  static const testing::TemporaryFolder folder;
  return folder.path();
}

TrainConfig tiny(const std::string& folder) {
  fs::remove_all(root() / folder);
  return testing::tiny_training(root() / folder, 12);
}

using testing::expect_resumes_bit_for_bit;
using testing::losses_of;
using testing::never;

std::string text_of(const fs::path& path) {
  std::ifstream stream(path);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

TEST(Trainer, TheSameSeedGivesTheSameLossesForAnyThreadCount) {
  const TrainConfig config = tiny("trainer_same");
  const int before = num_threads();
  DenoisingTask a(config);
  const std::vector<double> first = losses_of(a, config);
  set_num_threads(3);
  DenoisingTask b(config);
  const std::vector<double> second = losses_of(b, config);
  set_num_threads(before);
  EXPECT_EQ(first.size(), 12u);
  EXPECT_EQ(first, second);
}

// A task that counts which pictures it was told of before it needed them.
class CountingTask : public DenoisingTask {
 public:
  using DenoisingTask::DenoisingTask;
  void announce(const std::vector<int64_t>& samples) override {
    announced.insert(announced.end(), samples.begin(), samples.end());
    DenoisingTask::announce(samples);
  }
  TensorMap batch(int64_t epoch, std::span<const int64_t> samples) override {
    asked.insert(asked.end(), samples.begin(), samples.end());
    return DenoisingTask::batch(epoch, samples);
  }
  std::vector<int64_t> announced, asked;
};

TEST(Trainer, PicturesDecodedAheadGiveTheSameBits) {
  TrainConfig config = tiny("trainer_prefetch");
  config.training.batch = 2;  // 5 pictures: the last batch of an epoch has one
  std::vector<std::vector<double>> losses;
  for (const int64_t ahead : {0, 1, 3}) {
    config.training.prefetch = ahead;
    CountingTask task(config);
    losses.push_back(losses_of(task, config));
    EXPECT_EQ(task.announced, task.asked);
    EXPECT_EQ(task.asked.size(), 20u);  // 12 steps are four epochs
  }
  EXPECT_EQ(losses[0], losses[1]);
  EXPECT_EQ(losses[0], losses[2]);
}

TEST(Trainer, AStoppedAndResumedRunGivesTheSameLossesBitForBit) {
  expect_resumes_bit_for_bit(tiny("trainer_whole"), tiny("trainer_part"));
}

TEST(Trainer, ASignalFinishesTheStepSavesAndStops) {
  const TrainConfig config = tiny("trainer_stop");
  DenoisingTask task(config);
  volatile std::sig_atomic_t stop = 0;
  const TrainResult result = train(task, config, false, stop, [&](const TrainEvent& e) {
    if (e.step == 4) stop = SIGTERM;
  });
  EXPECT_EQ(result.step, 4);
  EXPECT_EQ(result.stopped_by, SIGTERM);
}

TEST(Trainer, MetricsAreKeptPerStepAndCutOnResume) {
  TrainConfig config = tiny("trainer_metrics");
  config.training.steps = 5;
  DenoisingTask a(config);
  losses_of(a, config);
  const fs::path csv = fs::path(config.output) / "metrics.csv";
  const std::string before = text_of(csv);
  EXPECT_EQ(std::ranges::count(before, '\n'), 6);
  EXPECT_TRUE(before.starts_with("step,epoch,loss,mean_loss,learning_rate,step_ms,validation_psnr_db"))
      << before;
  // Rows that a kill left behind its last checkpoint, and half a row, are not kept.
  std::ofstream(csv, std::ios::app) << "6,1,0.5,0.5,1e-3,1.0,,\n7,1,0.";
  config.training.steps = 6;
  DenoisingTask b(config);
  losses_of(b, config, true);
  const std::string after = text_of(csv);
  EXPECT_EQ(std::ranges::count(after, '\n'), 7);
  EXPECT_TRUE(after.starts_with(before));
  EXPECT_EQ(after.find("0.5,0.5"), std::string::npos);
}

TEST(Trainer, LearnsAFewPicturesByHeart) {
  TrainConfig config = tiny("trainer_overfit");
  config.training.steps = 150;
  config.training.learning_rate = 5e-3;
  config.training.overfit = 1;
  DenoisingTask task(config);
  const std::vector<double> losses = losses_of(task, config);
  const auto mean = [&](size_t from, size_t to) {
    double sum = 0.0;
    for (size_t i = from; i < to; ++i) sum += losses[i];
    return sum / static_cast<double>(to - from);
  };
  EXPECT_LT(mean(120, 150), 0.8 * mean(0, 10));
}

// A task whose loss becomes NaN at a chosen step.
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

// What a model does whose map is 0 everywhere: it gives the noisy pictures back.
class EchoTask : public DenoisingTask {
 public:
  using DenoisingTask::DenoisingTask;
  Metrics validate(const std::function<bool()>& keep_going) override {
    return baselines(keep_going).front().metrics;
  }
};

TEST(Trainer, AModelThatChangesNothingIsSaidOnce) {
  TrainConfig config = tiny("trainer_standstill");
  config.training.validate_every = 4;
  const auto remarks_of = [&](Task& task) {
    std::vector<std::string> found;
    train(
        task, config, false, never, [](const TrainEvent&) {},
        [&](const std::string& remark) {
          if (remark.find("equal the noisy pictures") != std::string::npos) found.push_back(remark);
        });
    return found;
  };
  EchoTask echo(config);
  const std::vector<std::string> said = remarks_of(echo);
  ASSERT_EQ(said.size(), 1u);
  EXPECT_TRUE(said.front().starts_with("step 4: ")) << said.front();
  config.output = (root() / "trainer_no_standstill").string();
  DenoisingTask task(config);
  EXPECT_TRUE(remarks_of(task).empty());
}

TEST(Trainer, StopsAtTheFirstNumberThatIsNotFinite) {
  const TrainConfig config = tiny("trainer_nan");
  BrokenTask task(config);
  try {
    losses_of(task, config);
    FAIL() << "a NaN went unseen";
  } catch (const NumericError& error) {
    EXPECT_EQ(error.exit_code(), 5);
    EXPECT_NE(std::string(error.what()).find("parameter pdhg.sigma: 1 of 1 elements"), std::string::npos)
        << error.what();
  }
  EXPECT_NO_THROW(Safetensors::read(fs::path(config.output) / "last.safetensors"));
}

// A task whose pictures give out at the third step.
class EndingTask : public DenoisingTask {
 public:
  using DenoisingTask::DenoisingTask;
  TensorMap batch(int64_t epoch, std::span<const int64_t> samples) override {
    if (++calls_ == 3) throw std::bad_alloc();
    return DenoisingTask::batch(epoch, samples);
  }

 private:
  int calls_ = 0;
};

TEST(Trainer, AnyErrorSavesTheStepsDoneAndTheRunGoesOnBitForBit) {
  const TrainConfig whole = tiny("trainer_error_whole"), config = tiny("trainer_error");
  DenoisingTask undisturbed(whole);
  const std::vector<double> expected = losses_of(undisturbed, whole);
  EndingTask task(config);
  EXPECT_THROW(losses_of(task, config), std::bad_alloc);
  const auto saved = Safetensors::read(fs::path(config.output) / "last.safetensors").metadata();
  EXPECT_EQ(saved.at("step"), "2");
  EXPECT_NE(text_of(fs::path(config.output) / "events.jsonl").find("\"event\":\"stop\",\"step\":2"),
            std::string::npos);
  DenoisingTask rest(config);
  const std::vector<double> losses = losses_of(rest, config, true);
  EXPECT_EQ(losses, std::vector<double>(expected.begin() + 2, expected.end()));
}

TEST(DenoisingTask, AFlatFolderKeepsItsLastPicturesForValidation) {
  TrainConfig config = tiny("task_flat");
  config.data.folder = config.output;
  config.data.n_train = 0;
  fs::create_directories(config.output);
  for (uint32_t i = 0; i < 5; ++i) {
    write_png(fs::path(config.output) / fmt::format("{}.png", i), to_image(make_phantom(1, i, 16)));
  }
  EXPECT_EQ(DenoisingTask(config).n_samples(), 3);
  config.data.n_validation = 5;
  EXPECT_THROW(DenoisingTask{config}, DataError);
}

TEST(Checkpoint, RefusesAnotherArchitectureAndSaysWhatDiffers) {
  TrainConfig config = tiny("checkpoint_other");
  config.training.steps = 1;
  DenoisingTask task(config);
  losses_of(task, config);
  TrainConfig other = config;
  other.model.filters = 3;
  DenoisingTask wider(other);
  Adam adam(wider.model().parameters(), {});
  try {
    load_checkpoint(fs::path(config.output) / "last.safetensors", wider.model(), adam, other);
    FAIL() << "weights of another model were loaded";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("cnn.c0x0.conv_block.0.weight expects shape"), std::string::npos)
        << error.what();
  }
}

TEST(Checkpoint, GivesBackTheModelThatWasTrained) {
  TrainConfig config = tiny("checkpoint_model");
  config.training.steps = 3;
  DenoisingTask task(config);
  losses_of(task, config);
  const auto model = load_model(fs::path(config.output) / "last.safetensors");
  EXPECT_EQ(model->options().n_iter, 6);
  const Tensor z = Tensor::full({1, 1, 1, 10, 9}, 0.5);
  RandomStream(1, RandomPurpose::test).fill_uniform(z, 0.0, 1.0);
  EXPECT_EQ(model->forward(z).denoised.value().to_doubles(),
            task.unrolled_tv().forward(z).denoised.value().to_doubles());
}

TEST(Checkpoint, ReadsBareWeightsUnderTheReferenceNames) {
  TrainConfig config = tiny("checkpoint_bare");
  const DenoisingTask task(config);
  const fs::path path = root() / "bare.safetensors";
  write_safetensors(path, to_reference_layout(task.model().state()));
  const auto model = load_model(path, config.model);
  EXPECT_EQ(model->options().unet.filters, 2);
  EXPECT_EQ(model->options().unet.blocks, 1);
  const Tensor z = Tensor::full({1, 1, 1, 8, 8}, 0.5);
  EXPECT_EQ(model->forward(z).lambda.value().to_doubles(),
            task.unrolled_tv().forward(z).lambda.value().to_doubles());
  write_safetensors(path, {{"weight", Tensor::zeros({2})}});
  EXPECT_THROW(load_model(path), DataError);
}

}  // namespace
}  // namespace primal
