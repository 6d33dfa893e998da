// The training step as one graph of the emulated device, against the step that the host follows: the same
// bits.
#include <filesystem>
#include <gtest/gtest.h>
#include <limits>

#include "apps/training/checkpoint.h"
#include "apps/training/denoising_task.h"
#include "apps/training/make_task.h"
#include "apps/training/recorded_steps.h"
#include "apps/training/trainer.h"
#include "data/safetensors/safetensors.h"
#include "data/table/table.h"
#include "support/temporary_folder.h"
#include "support/test_device.h"
#include "support/tiny_training.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;
using testing::kTestDevice;

struct Case {
  const char* name;
  void (*set)(TrainConfig&);
};

// Five or seven pictures: the last batch of an epoch is smaller, so that there are two graphs.
const Case kCases[] = {
    {"thesis", [](TrainConfig& c) { c.training.batch = 2; }},
    {"fixed_steps_one_axis_padded",
     [](TrainConfig& c) {
       c.model.learn_steps = false;
       c.model.start = "zero";
       c.data.size = 15;
       c.noise.kind = "absolute";
       c.training.final_learning_rate = 1e-5;
     }},
    {"noise2noise", [](TrainConfig& c) { c.training.loss = "noise2noise"; }},
    {"sure", [](TrainConfig& c) { c.training.loss = "sure"; }},
    {"classify",
     [](TrainConfig& c) {
       c.task.kind = "classify";
       c.classifier.size = 16;
       c.classifier.filters = 2;
       c.classifier.hidden = 8;
       c.data.n_train = 7;
       c.data.n_validation = 4;
       c.training.batch = 3;
     }},
    {"digits",
     [](TrainConfig& c) {
       c.task.kind = "reconstruct";
       c.autoencoder.layout = "mnist";
       c.autoencoder.filters = 2;
       c.autoencoder.latent = 8;
       c.noise.kind = "absolute";
       c.data.n_train = 7;
       c.data.n_validation = 4;
       c.training.batch = 5;
       c.adam.amsgrad = true;
     }},
    {"sequence",
     [](TrainConfig& c) {
       c.task.kind = "sequence";
       c.sequence.filters = 2;
       c.sequence.stages = 1;
       c.sequence.iterations = 3;
       c.sequence.pad_xy = c.sequence.pad_t = 1;
       c.data.size = 12;
       c.data.frames = 4;
       c.data.n_train = 3;
       c.data.n_validation = 1;
     }},
};

class RecordedTraining : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override { PRIMAL_SKIP_WITHOUT_DEVICE(); }

  TrainConfig config(const Case& of, const std::string& name, const std::string& graph, int64_t steps) const {
    TrainConfig c = testing::tiny_training(folder_ / name, steps);
    of.set(c);
    c.training.validate_every = 9;
    c.training.baselines = false;
    c.training.graph = graph;
    complete_config(c);
    return c;
  }

  // The losses, and what the run printed.
  struct Run {
    std::vector<double> losses, metrics;
    std::vector<std::string> remarks;
  };
  static Run trained(const TrainConfig& c, bool resume = false, int64_t stop_at = 0) {
    const auto task = make_task(c, kTestDevice);
    return trained(*task, c, resume, stop_at);
  }
  // With stop_at a signal comes during that step.
  static Run trained(Task& task, const TrainConfig& c, bool resume = false, int64_t stop_at = 0) {
    Run run;
    volatile std::sig_atomic_t stop = 0;
    train(
        task, c, resume, stop,
        [&](const TrainEvent& e) {
          run.losses.push_back(e.loss);
          for (const ScoreSummary& score : e.validation) run.metrics.push_back(score.mean);
          if (e.step == stop_at) stop = SIGTERM;
        },
        [&](const std::string& remark) { run.remarks.push_back(remark); });
    return run;
  }

  static void expect_same_checkpoints(const TrainConfig& a, const TrainConfig& b) {
    const auto last = [](const TrainConfig& c) {
      return Safetensors::read(fs::path(c.output) / "last.safetensors").tensors();
    };
    const TensorMap x = last(a), y = last(b);
    ASSERT_EQ(x.size(), y.size());
    for (const auto& [name, tensor] : x) EXPECT_EQ(tensor.to_doubles(), y.at(name).to_doubles()) << name;
  }

  const testing::TemporaryFolder folder_;
};

TEST_P(RecordedTraining, HasTheBitsOfTheStepThatTheHostFollows) {
  const Case& of = GetParam();
  const TrainConfig off = config(of, "off", "off", 50), on = config(of, "on", "on", 50);
  const Run expected = trained(off), run = trained(on);
  ASSERT_EQ(run.losses.size(), 50u);
  EXPECT_EQ(run.losses, expected.losses);
  EXPECT_EQ(run.metrics, expected.metrics);
  EXPECT_FALSE(run.metrics.empty());
  EXPECT_TRUE(run.remarks.empty());
  expect_same_checkpoints(on, off);
}

TEST_P(RecordedTraining, GoesOnAfterAStopWithTheSameBits) {
  const Case& of = GetParam();
  const TrainConfig off = config(of, "off", "off", 16);
  const Run expected = trained(off);
  const TrainConfig parts = config(of, "parts", "on", 16);
  std::vector<double> losses = trained(parts, false, 5).losses;
  ASSERT_LT(losses.size(), 16u);
  for (const double loss : trained(parts, true).losses) losses.push_back(loss);
  EXPECT_EQ(losses, expected.losses);
  expect_same_checkpoints(parts, off);
}

INSTANTIATE_TEST_SUITE_P(Tasks, RecordedTraining, ::testing::ValuesIn(kCases),
                         [](const auto& of) { return std::string(of.param.name); });

class RecordedThesis : public RecordedTraining {};
INSTANTIATE_TEST_SUITE_P(Thesis, RecordedThesis, ::testing::Values(kCases[0]));

// Counts how often the host made a batch itself.
class CountingTask : public DenoisingTask {
 public:
  using DenoisingTask::DenoisingTask;
  TensorMap batch(int64_t epoch, std::span<const int64_t> samples) override {
    ++n_batches;
    return DenoisingTask::batch(epoch, samples);
  }
  int64_t n_batches = 0;
};

TEST_P(RecordedThesis, TheHostFollowsTheFirstBatchOfEachSizeAlone) {
  for (const auto& [graph, expected] : {std::pair{"on", 2}, std::pair{"off", 12}, std::pair{"auto", 12}}) {
    if (kTestDevice.kind == Device::Kind::cuda && graph == std::string("auto")) continue;
    const TrainConfig c = config(GetParam(), graph, graph, 12);
    CountingTask task(c, kTestDevice);
    EXPECT_EQ(trained(task, c).losses.size(), 12u);
    EXPECT_EQ(task.n_batches, expected) << graph;
  }
}

// The histograms of a TensorBoard log are those of their step.
TEST_P(RecordedThesis, AStepWhoseWeightsAreLoggedIsTheLastOfItsGroup) {
  std::map<std::string, std::vector<std::vector<double>>> seen;
  for (const char* graph : {"off", "on"}) {
    TrainConfig c = config(GetParam(), graph, graph, 17);
    c.training.log = "tensorboard";
    c.training.log_every = 4;
    DenoisingTask task(c, kTestDevice);
    const volatile std::sig_atomic_t never = 0;
    train(task, c, false, never, [&](const TrainEvent& e) {
      if (e.step % 4 == 0) seen[graph].push_back(task.model().parameters()[0].second.value().to_doubles());
    });
  }
  ASSERT_EQ(seen["on"].size(), 4u);
  EXPECT_EQ(seen["on"], seen["off"]);
}

// What listens to the steps may fail at one within a group, as a log on a full disk does. The
// weights are then those after the group, so they must not be saved: the resumed run repeats the
// steps whose rows are missing.
TEST_P(RecordedThesis, AnErrorWithinAGroupOfStepsLosesNoRow) {
  const auto small = [&](const std::string& name) {  // so fast that a tenth of a second has several steps
    TrainConfig c = config(GetParam(), name, "on", 16);
    c.data.size = 8;
    c.data.n_train = 2;
    c.model.filters = 1;
    c.model.iterations = 1;
    c.training.validate_every = 16;
    return c;
  };
  const TrainConfig whole = small("whole");
  trained(whole);
  const auto losses_of = [](const TrainConfig& c) {
    const Table table = read_table(fs::path(c.output) / "metrics.csv");
    std::vector<std::string> losses;
    for (size_t i = 0; i < table.rows.size(); ++i)
      losses.push_back(table.text(i, table.column("step")) + ":" + table.text(i, table.column("loss")));
    return losses;
  };
  const std::vector<std::string> expected = losses_of(whole);
  ASSERT_EQ(expected.size(), 16u);
  for (int64_t at = 8; at <= 11; ++at) {
    const TrainConfig c = small(std::to_string(at));
    const auto task = make_task(c, kTestDevice);
    const volatile std::sig_atomic_t never = 0;
    EXPECT_THROW(train(*task, c, false, never,
                       [&](const TrainEvent& e) {
                         if (e.step == at) throw IoError("[test] no space left");
                       }),
                 IoError);
    trained(c, true);
    EXPECT_EQ(losses_of(c), expected) << at;
    expect_same_checkpoints(c, whole);
  }
}

// A task whose pictures are broken from one sample's turn on, for the host and for the device alike.
class BrokenTask : public DenoisingTask {
 public:
  BrokenTask(const TrainConfig& config, int64_t good) : DenoisingTask(config, kTestDevice), n_good_(good) {}
  TensorMap batch(int64_t epoch, std::span<const int64_t> samples) override {
    return of_inputs(inputs_on_device(epoch, samples));
  }
  TensorMap inputs(int64_t epoch, std::span<const int64_t> samples) override {
    TensorMap inputs = DenoisingTask::inputs(epoch, samples);
    if (epoch * n_samples() + samples.front() < n_good_) return inputs;
    const Tensor broken = inputs.at("picture").to(Device{}).clone();  // which may be on the device
    broken.data<float>()[7] = std::numeric_limits<float>::infinity();
    inputs["picture"] = broken;
    return inputs;
  }

 private:
  TensorMap inputs_on_device(int64_t epoch, std::span<const int64_t> samples) {
    TensorMap there;
    for (const auto& [name, tensor] : inputs(epoch, samples)) there[name] = tensor.to(kTestDevice);
    return there;
  }
  int64_t n_good_;
};

// The message without the folders, which differ.
std::string without(std::string text, const std::string& folder) {
  for (size_t at = text.find(folder); at != std::string::npos; at = text.find(folder))
    text.erase(at, folder.size());
  return text;
}

TEST_P(RecordedThesis, AStepThatIsNotFiniteIsNamedFromTheStateBeforeIt) {
  const auto failed = [&](const TrainConfig& c, int64_t good) {
    BrokenTask task(c, good);
    std::string text = testing::message_of<NumericError>([&] { trained(task, c); });
    return without(std::move(text), c.output);
  };
  for (const int64_t epoch : {2, 5}) {
    const TrainConfig off = config(GetParam(), "off", "off", 50), on = config(GetParam(), "on", "on", 50);
    fs::remove_all(off.output), fs::remove_all(on.output);
    const std::string expected = failed(off, 5 * epoch);
    EXPECT_NE(expected.find("input clean: 1 of"), std::string::npos) << expected;
    EXPECT_EQ(failed(on, 5 * epoch), expected);
    expect_same_checkpoints(on, off);
  }
}

TEST_P(RecordedThesis, WeightsThatBlowUpAreNamedAsWithoutAGraph) {
  const auto failed = [&](TrainConfig c) {
    c.training.learning_rate = 1e25;
    std::vector<double> losses;
    std::string text = testing::message_of<NumericError>([&] { losses = trained(c).losses; });
    return without(std::move(text), c.output);
  };
  const TrainConfig off = config(GetParam(), "off", "off", 50), on = config(GetParam(), "on", "on", 50);
  const std::string expected = failed(off);
  EXPECT_NE(expected.find("are not finite"), std::string::npos) << expected;
  EXPECT_EQ(failed(on), expected);
  expect_same_checkpoints(on, off);
}

// A batch norm's running statistics are part of the state.
TEST_P(RecordedThesis, BuffersAreThoseBeforeAStepThatIsNotFinite) {
  const auto failed = [&](TrainConfig c) {
    kCases[5].set(c);
    c.training.learning_rate = 1e20;
    return without(testing::message_of<NumericError>([&] { trained(c); }), c.output);
  };
  const TrainConfig off = config(GetParam(), "off", "off", 50), on = config(GetParam(), "on", "on", 50);
  const std::string expected = failed(off);
  EXPECT_NE(expected.find("[train] step"), std::string::npos) << expected;
  EXPECT_EQ(failed(on), expected);
  expect_same_checkpoints(on, off);
}

// A task whose loss is looked at by the host.
class LookingTask : public DenoisingTask {
 public:
  using DenoisingTask::DenoisingTask;
  Variable loss(const TensorMap& batch) override {
    const Variable found = DenoisingTask::loss(batch);
    seen_ += found.value().item();
    return found;
  }

 private:
  double seen_ = 0.0;
};

TEST_P(RecordedThesis, WhatCannotBeRecordedIsAnErrorAndChangesNothing) {
  const TrainConfig c = config(GetParam(), "looking", "on", 12);
  LookingTask task(c, kTestDevice);
  const std::string text = testing::message_of<DeviceError>([&] { trained(task, c); });
  EXPECT_NE(
      text.find(
          "[train] training.graph is on, but the step could not be recorded: [graph] the step to be recorded "
          "copies to the host (4 bytes), which the device cannot repeat by itself: after mse_loss_forward"),
      std::string::npos)
      << text;
  // The steps before it are saved.
  EXPECT_EQ(checkpoint_info(fs::path(c.output) / "last.safetensors").state.step, 1);
}

TEST_P(RecordedThesis, WhereRecordingMayFailARemarkSaysSoAndTheHostGoesOn) {
  const TrainConfig c = config(GetParam(), "remark", "off", 12);
  LookingTask task(c, kTestDevice);
  Adam adam(task.model().parameters(), {});
  std::vector<std::string> remarks;
  RecordedSteps steps(task, adam, {.record = true, .must = false},
                      [&](const std::string& remark) { remarks.push_back(remark); });
  EXPECT_FALSE(steps.repeats(2));
  const std::vector<int64_t> samples{0, 1};
  task.loss(steps.batch(0, samples)).backward();
  const TensorMap before = moved_to(task.model().state(), Device{});
  EXPECT_TRUE(steps.repeats(2));
  EXPECT_FALSE(steps.run(2, 0, samples));
  EXPECT_FALSE(steps.repeats(2));
  ASSERT_EQ(remarks.size(), 1u);
  EXPECT_TRUE(
      remarks[0].starts_with("each step runs without a graph, because it could not be recorded: [graph] "))
      << remarks[0];
  EXPECT_TRUE(steps.wait().losses.empty());
  EXPECT_EQ(adam.n_steps(), 0);
  for (const auto& [name, tensor] : before)
    EXPECT_EQ(tensor.to_doubles(), task.model().state().at(name).to_doubles()) << name;
}

TEST(RecordedSteps, LooksAboutTenTimesASecond) {
  EXPECT_EQ(RecordedSteps::n_ahead(0.0), 1);
  EXPECT_EQ(RecordedSteps::n_ahead(1000.0), 1);
  EXPECT_EQ(RecordedSteps::n_ahead(20.0), 5);
  EXPECT_EQ(RecordedSteps::n_ahead(0.7), RecordedSteps::kMostAhead);
}

TEST(RecordedSteps, TheSettingDecidesByDevice) {
  EXPECT_FALSE(graph_setting("auto", Device{}).record);
  EXPECT_FALSE(graph_setting("off", Device::cuda()).record);
  EXPECT_FALSE(graph_setting("auto", Device::simt()).record);
  EXPECT_TRUE(graph_setting("auto", Device::cuda()).record);
  EXPECT_FALSE(graph_setting("auto", Device::cuda()).must);
  EXPECT_TRUE(graph_setting("on", Device::simt()).must);
  const std::string text = testing::message_of<ConfigError>([] { graph_setting("on", Device{}); });
  EXPECT_NE(text.find("training.graph on is for devices"), std::string::npos) << text;
}

}  // namespace
}  // namespace primal
