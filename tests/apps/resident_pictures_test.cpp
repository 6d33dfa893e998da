// Pictures that stay in the memory of a device: uploaded once, within a bound, and a training that has the
// same bits.
#include "apps/training/resident_pictures.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <utility>

#include "apps/training/denoising_task.h"
#include "apps/training/make_task.h"
#include "apps/training/run_plan.h"
#include "apps/training/trainer.h"
#include "support/temporary_folder.h"
#include "support/text.h"
#include "support/tiny_training.h"
#include "tensor/simt/simt_graph.h"

namespace primal {
namespace {

const Shape kPicture{1, 1, 1, 8, 8};

Tensor picture_of(int64_t i) { return Tensor::full(kPicture, static_cast<double>(i) + 0.5, DType::f32); }

TEST(ResidentPictures, AreUploadedOnce) {
  ResidentPictures pictures(Device::simt(), 3, kPicture, 1 << 20);
  const simt::OperationCount count;
  int n_read = 0;
  for (const int64_t i : {2, 0, 2, 2, 0}) {
    const Tensor there = pictures.of(i, [&] {
      ++n_read;
      return picture_of(i);
    });
    EXPECT_EQ(there.device(), Device::simt());
    EXPECT_EQ(there.shape(), kPicture);
    EXPECT_EQ(there.to_doubles(), picture_of(i).to_doubles());
  }
  EXPECT_EQ(n_read, 2);
  EXPECT_EQ(std::ranges::count(count.operations(), "from_host"), 2);
  EXPECT_TRUE(pictures.holds(0));
  EXPECT_FALSE(pictures.holds(1));
}

TEST(ResidentPictures, StayOnlyWhereAllHaveRoom) {
  const int64_t all = 3 * 64 * 4;
  EXPECT_EQ(resident_bytes(Device::simt(), 3, kPicture, all), all);
  EXPECT_EQ(resident_bytes(Device::simt(), 3, kPicture, all - 1), 0);
  EXPECT_EQ(resident_bytes(Device::simt(), 3, kPicture, 0), 0);
  EXPECT_EQ(resident_bytes(Device{}, 3, kPicture, all), 0);
  // More than any machine has.
  EXPECT_EQ(resident_bytes(Device::simt(), int64_t{1} << 50, kPicture, int64_t{1} << 62), 0);
  ResidentPictures pictures(Device::simt(), 3, kPicture, all - 1);
  int n_read = 0;
  for (int i = 0; i < 2; ++i) {
    const auto read = [&] {
      ++n_read;
      return picture_of(1);
    };
    EXPECT_EQ(pictures.of(1, read).to_doubles(), picture_of(1).to_doubles());
  }
  EXPECT_EQ(n_read, 2);
  EXPECT_FALSE(pictures.holds(1));
}

class ResidentTraining : public ::testing::Test {
 protected:
  TrainConfig config(int64_t resident_mb, const std::string& graph, int64_t batch) const {
    TrainConfig c = testing::tiny_training(folder_ / "run", 8);
    c.training.resident_mb = resident_mb;
    c.training.graph = graph;
    c.training.batch = batch;
    c.training.baselines = false;
    c.output += fmt::format("_{}_{}_{}", resident_mb, graph, batch);
    return c;
  }
  const testing::TemporaryFolder folder_;

  struct Run {
    std::vector<double> losses;
  };
  static Run trained(const TrainConfig& c) {
    Run run;
    const auto task = make_task(c, Device::simt());
    volatile std::sig_atomic_t stop = 0;
    train(*task, c, false, stop, [&](const TrainEvent& e) { run.losses.push_back(e.loss); }, {});
    return run;
  }
};

TEST_F(ResidentTraining, HasTheSameBits) {
  for (const char* graph : {"off", "on"}) {
    for (const int64_t batch : {1, 2}) {
      SCOPED_TRACE(fmt::format("graph {}, batch {}", graph, batch));
      const Run uploaded = trained(config(0, graph, batch)), resident = trained(config(4096, graph, batch));
      ASSERT_EQ(uploaded.losses.size(), 8u);
      EXPECT_EQ(resident.losses, uploaded.losses);
    }
  }
}

TEST_F(ResidentTraining, IsPartOfThePlan) {
  const TrainConfig with = config(4096, "off", 1), without = config(0, "off", 1);
  DenoisingTask task(with, Device::simt()), other(without, Device::simt());
  const int64_t bytes = task.n_samples() * 16 * 16 * 4;
  EXPECT_EQ(task.plan(1).bytes.pictures, bytes);
  EXPECT_EQ(task.plan(1).bytes.total(), other.plan(1).bytes.total() + bytes);
  Settings settings;
  settings.config = with;
  EXPECT_TRUE(testing::has(to_text(settings, plan_run(with, task, 0, "not now")), "pictures on the device"));
  EXPECT_FALSE(
      testing::has(to_text(settings, plan_run(without, other, 0, "not now")), "pictures on the device"));
}

TEST_F(ResidentTraining, NeedsNoPictureFromTheHostInALaterEpoch) {
  const auto uploads = [&](int64_t resident_mb) {
    const simt::OperationCount count;
    DenoisingTask task(config(resident_mb, "off", 1), Device::simt());
    const auto n_now = [&] { return std::ranges::count(count.operations(), "from_host"); };
    for (int64_t i = 0; i < task.n_samples(); ++i) task.inputs(0, std::array{i});
    const auto first = n_now();
    for (int64_t i = 0; i < task.n_samples(); ++i) task.inputs(1, std::array{i});
    return std::pair(first, n_now() - first);
  };
  const auto resident = uploads(4096);
  EXPECT_GE(resident.first, 5);
  EXPECT_EQ(resident.second, 0);
  EXPECT_EQ(uploads(0).second, 5);  // each picture again
}

}  // namespace
}  // namespace primal
