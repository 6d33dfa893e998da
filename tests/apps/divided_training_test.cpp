// The training loop on several ranks, each a thread of this process.
#include <filesystem>
#include <gtest/gtest.h>

#include "apps/training/denoising_task.h"
#include "apps/training/divided_rows.h"
#include "apps/training/divided_step.h"
#include "apps/training/make_task.h"
#include "apps/training/same_training.h"
#include "apps/training/trainer.h"
#include "data/safetensors/safetensors.h"
#include "support/resumed_training.h"
#include "support/temporary_folder.h"
#include "support/thread_ranks.h"
#include "support/tiny_training.h"

namespace primal {
namespace {

using testing::Fault;
using testing::never;
using testing::ThreadRanks;
using Strings = std::vector<std::string>;

class DividedTraining : public ::testing::Test {
 protected:
  TrainConfig config(const std::string& folder, int64_t steps = 9) const {
    TrainConfig c = testing::tiny_training(folder_ / folder, steps);
    c.data.n_train = 10;  // batches of 4, 4 and 2
    c.data.n_validation = 3;
    c.training.batch = 4;
    return c;
  }

  // The losses that every rank reports, which are the same.
  std::vector<double> losses(const TrainConfig& c, int n_ranks, bool resume = false) const {
    if (n_ranks == 0) {
      const std::unique_ptr<Task> task = make_task(c, Device{}, PictureCheck::headers);
      return testing::losses_of(*task, c, resume);
    }
    ThreadRanks hub(n_ranks);
    std::vector<std::vector<double>> all(static_cast<size_t>(n_ranks));
    const Strings errors = hub.run([&](Communicator& ranks) {
      const std::unique_ptr<Task> task = make_task(c, Device{}, PictureCheck::headers);
      train(
          *task, c, resume, never,
          [&](const TrainEvent& e) { all[static_cast<size_t>(ranks.rank())].push_back(e.loss); }, {}, &ranks);
    });
    EXPECT_EQ(errors, Strings(static_cast<size_t>(n_ranks)));
    for (const std::vector<double>& own : all) EXPECT_EQ(own, all.front());
    return all.front();
  }

  TensorMap last(const TrainConfig& c) const {
    return Safetensors::read(std::filesystem::path(c.output) / "last.safetensors").tensors();
  }

  static void expect_close(const std::vector<double>& a, const std::vector<double>& b, double tolerance) {
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i)
      EXPECT_NEAR(a[i], b[i], tolerance * std::abs(b[i])) << "step " << i + 1;
  }

  const testing::TemporaryFolder folder_;
};

TEST_F(DividedTraining, LossesEqualThoseOfOneProcessToRounding) {
  const TrainConfig alone = config("alone");
  const std::vector<double> expected = losses(alone, 0);
  for (const int n : {1, 2, 3, 4}) {
    const TrainConfig c = config("ranks" + std::to_string(n));
    expect_close(losses(c, n), expected, 1e-6);  // measured 7e-8 for 2 to 4 ranks
    const TensorMap x = last(alone), y = last(c);
    for (const auto& [name, tensor] : x) {
      const std::vector<double> a = tensor.to_doubles(), b = y.at(name).to_doubles();
      for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 2e-5) << name << " on " << n << " ranks";
    }
  }
}

TEST_F(DividedTraining, TheSameNumberOfRanksGivesTheSameBits) {
  const TrainConfig first = config("first"), second = config("second");
  EXPECT_EQ(losses(first, 3), losses(second, 3));
  const TensorMap x = last(first), y = last(second);
  for (const auto& [name, tensor] : x) EXPECT_EQ(tensor.to_doubles(), y.at(name).to_doubles()) << name;
}

TEST_F(DividedTraining, EveryTaskGivesTheLossesOfOneProcess) {
  for (const char* kind : {"classify", "reconstruct", "sequence"}) {
    TrainConfig alone = config(std::string(kind) + "_alone");
    alone.task.kind = kind;
    alone.training.learning_rate = 1e-4;
    alone.autoencoder.layout = "mnist";
    alone.classifier.size = 32;
    alone.classifier.labels = "defect,ok";
    alone.data.frames = 4;
    alone.sequence.filters = 2;
    alone.sequence.iterations = 4;
    alone.sequence.pad_t = 2;
    alone.data.n_train = 8;
    alone.data.n_validation = 4;
    TrainConfig divided = alone;
    divided.output = (folder_ / (std::string(kind) + "_divided")).string();
    SCOPED_TRACE(kind);
    expect_close(losses(divided, 2), losses(alone, 0), 2e-6);
  }
}

TEST_F(DividedTraining, AnotherNumberOfRanksGoesOn) {
  const TrainConfig whole = config("whole", 12);
  const std::vector<double> expected = losses(whole, 0);
  std::vector<double> found;
  int64_t steps = 0;
  for (const int n : {2, 0, 4}) {
    TrainConfig part = config("part", steps += 4);
    const std::vector<double> some = losses(part, n, n != 2);
    found.insert(found.end(), some.begin(), some.end());
  }
  expect_close(found, expected, 1e-6);
}

TEST_F(DividedTraining, ValidationHasTheBitsOfOneProcess) {
  const TrainConfig c = config("validation");
  DenoisingTask alone(c);
  const Metrics expected = alone.validate([] { return true; });
  const std::vector<Baseline> baselines = alone.baselines([] { return true; });
  for (const int n : {2, 4}) {
    ThreadRanks hub(n);
    const Strings errors = hub.run([&](Communicator& ranks) {
      DenoisingTask task(c);
      task.divide_among(&ranks);
      const Metrics found = task.validate([] { return true; });
      ASSERT_EQ(found.size(), expected.size());
      for (size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i].mean, expected[i].mean);
      EXPECT_EQ(task.baselines([] { return true; }).at(1).metrics.at(0).mean,
                baselines.at(1).metrics.at(0).mean);
      // Stopped on one rank: none has a result.
      EXPECT_TRUE(task.validate([&] { return ranks.rank() != 1; }).empty());
    });
    EXPECT_EQ(errors, Strings(static_cast<size_t>(n)));
  }
}

TEST_F(DividedTraining, BucketsDoNotChangeTheSumsAndAreSentDuringBackward) {
  const TrainConfig c = config("buckets");
  const std::vector<int64_t> samples{0, 1, 2, 3};
  const auto gradients = [&](size_t bucket_bytes) {
    std::vector<std::vector<double>> all;
    ThreadRanks hub(3);
    const Strings errors = hub.run([&](Communicator& ranks) {
      DenoisingTask task(c);
      DividedStep step(&ranks, task.model(), through_host, bucket_bytes);
      const std::vector<int64_t> own = step.own_part(samples);
      const TensorMap batch = task.batch(0, own);
      const int64_t before = ranks.bytes_sent();
      step.backward(task.loss(batch), std::ssize(own), 4);
      EXPECT_GT(ranks.bytes_sent(), before) << "the gradients are on their way";
      step.sum_gradients();
      if (!ranks.is_first()) return;
      for (const auto& [name, parameter] : task.model().parameters())
        all.push_back(parameter.grad().to_doubles());
    });
    EXPECT_EQ(errors, Strings(3));
    return all;
  };
  const auto expected = gradients(DividedStep::kBucketBytes);
  ASSERT_FALSE(expected.empty());
  for (const size_t bytes : {size_t{1}, size_t{200}, size_t{1000}})
    EXPECT_EQ(gradients(bytes), expected) << bytes;
}

TEST_F(DividedTraining, RowsKeepTheirOrderAndLengths) {
  for (int n = 1; n <= 5; ++n) {
    ThreadRanks hub(n);
    hub.run([&](Communicator& ranks) {
      const auto rows = divided_rows(
          &ranks, 7, [] { return true; },
          [](int64_t i) { return std::vector<double>(static_cast<size_t>(i % 3), static_cast<double>(i)); });
      ASSERT_EQ(rows->size(), 7U);
      for (size_t i = 0; i < 7; ++i)
        EXPECT_EQ(rows->at(i), std::vector<double>(i % 3, static_cast<double>(i)));
    });
  }
}

TEST_F(DividedTraining, ASignalOnOneRankStopsAllAfterTheSameStep) {
  const TrainConfig c = config("signal", 1000);
  ThreadRanks hub(3);
  std::vector<int64_t> steps(3);
  hub.run([&](Communicator& ranks) {
    DenoisingTask task(c);
    volatile std::sig_atomic_t caught = 0;
    const TrainResult result = train(
        task, c, false, caught,
        [&](const TrainEvent& e) {
          if (ranks.rank() == 2 && e.step == 4) caught = SIGTERM;
        },
        {}, &ranks);
    EXPECT_EQ(result.stopped_by, SIGTERM);
    steps[static_cast<size_t>(ranks.rank())] = result.step;
  });
  EXPECT_EQ(steps, (std::vector<int64_t>{5, 5, 5}));
}

TEST_F(DividedTraining, ALostRankLeavesACheckpointThatGoesOn) {
  const std::vector<double> expected = losses(config("undisturbed", 9), 2);
  for (const int64_t when : {6, 9, 14, 21}) {
    const TrainConfig c = config("lost" + std::to_string(when), 9);
    ThreadRanks hub(2);
    hub.at(1, when, Fault::dies);
    const Strings errors = hub.run([&](Communicator& ranks) {
      DenoisingTask task(c);
      train(
          task, c, false, never, [](const TrainEvent&) {}, {}, &ranks);
    });
    EXPECT_NE(errors[0].find("rank 1 ended"), std::string::npos) << errors[0];
    std::vector<double> rest = losses(c, 2, true);
    ASSERT_LE(rest.size(), expected.size());
    EXPECT_EQ(rest, std::vector<double>(expected.end() - std::ssize(rest), expected.end()));
  }
}

// Its pictures turn into something that is no number at a step, on one rank.
class BrokenTask : public DenoisingTask {
 public:
  BrokenTask(const TrainConfig& c, bool breaks) : DenoisingTask(c), breaks_(breaks) {}
  TensorMap batch(int64_t epoch, std::span<const int64_t> samples) override {
    TensorMap made = DenoisingTask::batch(epoch, samples);
    if (breaks_ && ++n_ == 4) made.at("clean").fill(std::numeric_limits<double>::quiet_NaN());
    return made;
  }

 private:
  bool breaks_;
  int n_ = 0;
};

TEST_F(DividedTraining, ANumberThatIsNotFiniteEndsAllRanksBeforeTheStep) {
  const TrainConfig c = config("nan");
  ThreadRanks hub(2);
  const Strings errors = hub.run([&](Communicator& ranks) {
    BrokenTask task(c, ranks.rank() == 1);
    ranks.introduce("node", 5);
    try {
      train(
          task, c, false, never, [](const TrainEvent&) {}, {}, &ranks);
    } catch (const NumericError& error) {
      ranks.say_farewell(error);
      throw;
    }
  });
  EXPECT_TRUE(errors[0].starts_with("rank 1 on node (process 5), step 4: [train] step 4, picture"))
      << errors[0];
  EXPECT_EQ(checkpoint_info(std::filesystem::path(c.output) / "last.safetensors").state.step, 3);
  EXPECT_EQ(losses(c, 2, true).size(), 6U);
}

TEST_F(DividedTraining, WhatDiffersBetweenRanksIsSaidBeforeTheFirstStep) {
  const auto error_of = [&](const std::function<void(TrainConfig&)>& change, int64_t step = 0) {
    ThreadRanks hub(3);
    return hub.run([&](Communicator& ranks) {
      ranks.introduce("node", ranks.rank());
      TrainConfig c = config("differs");
      if (ranks.rank() == 1) change(c);
      DenoisingTask task(c);
      check_same_training(ranks, c, task, ranks.rank() == 1 ? step : 0);
    })[2];
  };
  EXPECT_EQ(error_of([](TrainConfig& c) { c.output = "elsewhere"; }), "");
  EXPECT_EQ(error_of([](TrainConfig& c) { c.training.batch = 8; }),
            "[ranks] training.batch of rank 0 on node (process 0) is 4, but training.batch of rank 1 on node "
            "(process 1) is 8: all ranks must train alike");
  EXPECT_NE(error_of([](TrainConfig& c) { c.data.n_train = 9; }).find("n_train"), std::string::npos);
  EXPECT_NE(error_of([](TrainConfig&) {}, 3).find("the step of the checkpoint"), std::string::npos);
}

TEST_F(DividedTraining, WeightsThatDifferAreFound) {
  ThreadRanks hub(2);
  const Strings errors = hub.run([&](Communicator& ranks) {
    TrainConfig c = config("weights");
    c.seed = 42 + ranks.rank();
    DenoisingTask task(c);
    train(
        task, c, false, never, [](const TrainEvent&) {}, {}, &ranks);
  });
  EXPECT_NE(errors[0].find("the weights of rank 1 differ"), std::string::npos) << errors[0];
}

TEST_F(DividedTraining, MoreRanksThanPicturesInAStepAreRefused) {
  TrainConfig c = config("many");
  c.training.batch = 2;
  ThreadRanks hub(3);
  const Strings errors = hub.run([&](Communicator& ranks) {
    DenoisingTask task(c);
    train(
        task, c, false, never, [](const TrainEvent&) {}, {}, &ranks);
  });
  EXPECT_EQ(errors[0],
            "[ranks] 3 ranks, but a step has only 2 pictures (training.batch=2, 10 training pictures): start "
            "at most 2 ranks, or raise training.batch");
  EXPECT_FALSE(std::filesystem::exists(c.output));
}

}  // namespace
}  // namespace primal
