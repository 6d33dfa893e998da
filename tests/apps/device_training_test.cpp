// A training on a device: the emulation, whose kernels are those of CUDA devices, or one of these.
#include <cmath>
#include <filesystem>
#include <gtest/gtest.h>

#include "apps/training/checkpoint.h"
#include "apps/training/denoising_task.h"
#include "apps/training/run_plan.h"
#include "apps/training/trainer.h"
#include "support/temporary_folder.h"
#include "support/test_device.h"
#include "support/tiny_training.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

class DeviceTraining : public ::testing::Test {
 protected:
  void SetUp() override { PRIMAL_SKIP_WITHOUT_DEVICE(); }

  TrainConfig tiny(const std::string& name) const { return testing::tiny_training(folder_ / name, 8); }

  std::vector<double> losses(const TrainConfig& config, Device device, bool resume = false) const {
    DenoisingTask task(config, device);
    const volatile std::sig_atomic_t never = 0;
    std::vector<double> all;
    train(task, config, resume, never, [&](const TrainEvent& e) { all.push_back(e.loss); });
    return all;
  }

  static fs::path last(const TrainConfig& config) { return fs::path(config.output) / "last.safetensors"; }

  const testing::TemporaryFolder folder_;
};

TEST_F(DeviceTraining, FollowsTheCpu) {
  const std::vector<double> here = losses(tiny("cpu"), Device{}),
                            there = losses(tiny("device"), testing::kTestDevice);
  ASSERT_EQ(here.size(), there.size());
  for (size_t i = 0; i < here.size(); ++i) EXPECT_NEAR(there[i] / here[i], 1.0, 2e-4) << "step " << i + 1;
}

TEST_F(DeviceTraining, GivesTheSameBitsAgainAndAfterAStop) {
  TrainConfig config = tiny("whole");
  const std::vector<double> whole = losses(config, testing::kTestDevice);
  config = tiny("parts");
  config.training.steps = 3;
  std::vector<double> parts = losses(config, testing::kTestDevice);
  config.training.steps = 8;
  for (const double loss : losses(config, testing::kTestDevice, true)) parts.push_back(loss);
  EXPECT_EQ(parts, whole);
}

TEST_F(DeviceTraining, ACheckpointGoesOnAnywhere) {
  TrainConfig config = tiny("moves");
  config.training.steps = 4;
  losses(config, testing::kTestDevice);
  const auto here = load_model(last(config)), there = load_model(last(config), {}, testing::kTestDevice);
  EXPECT_EQ(there->device(), testing::kTestDevice);
  for (const auto& [name, tensor] : here->state())
    EXPECT_EQ(tensor.to_doubles(), there->state().at(name).to_doubles()) << name;
  config.training.steps = 6;
  EXPECT_EQ(losses(config, Device{}, true).size(), 2u);
}

TEST_F(DeviceTraining, WhatDoesNotFitIsSaidWithWhatWould) {
  TrainConfig config = tiny("memory");
  config.training.batch = 4;
  const DenoisingTask task(config);
  const auto bytes = [&](int64_t batch, int64_t size) {
    return plan_training(task.unrolled_tv(), {batch, 1, 1, size, size}).bytes.total();
  };
  EXPECT_EQ(does_not_fit(config, task.unrolled_tv(), bytes(4, 16)), "");
  EXPECT_NE(does_not_fit(config, task.unrolled_tv(), bytes(3, 16)).find("training.batch=3 would fit"),
            std::string::npos);
  config.training.batch = 1;
  EXPECT_NE(does_not_fit(config, task.unrolled_tv(), bytes(1, 8)).find("data.size=8 would fit"),
            std::string::npos);
  EXPECT_NE(does_not_fit(config, task.unrolled_tv(), 1000).find("fewer model.filters"), std::string::npos);
}

}  // namespace
}  // namespace primal
