// How many operations the training step of the thesis asks of a device: each is a node of the step's graph,
// and costs about a microsecond on a device however little it does.
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <map>

#include "apps/training/denoising_task.h"
#include "apps/training/recorded_steps.h"
#include "support/tiny_training.h"
#include "tensor/op/implementation.h"
#include "tensor/simt/simt_graph.h"

namespace primal {
namespace {

// The operations of a recorded step, by name. No kernel runs: they are only named.
std::map<std::string, int> operations_of(const TrainConfig& config, int64_t batch = 1) {
  const simt::OperationCount skipped;
  DenoisingTask task(config, Device::simt());
  Adam adam(task.model().parameters(), {});
  RecordedSteps steps(task, adam, graph_setting("on", Device::simt()), [](const std::string&) {});
  std::vector<int64_t> samples;
  for (int64_t i = 0; i < batch; ++i) samples.push_back(i);
  task.loss(steps.batch(0, samples)).backward();
  steps.run(1, 0, samples);
  std::map<std::string, int> by_name;
  for (const std::string& name : steps.graph(batch)->operations()) ++by_name[name];
  return by_name;
}

int total(const std::map<std::string, int>& by_name) {
  int n = 0;
  for (const auto& [name, count] : by_name) n += count;
  return n;
}

std::string text(const std::map<std::string, int>& by_name) {
  std::string all;
  for (const auto& [name, count] : by_name) all += fmt::format("{:4} {}\n", count, name);
  return all;
}

TrainConfig thesis() {
  TrainConfig config = testing::tiny_training("unused", 2);
  config.data.size = 256;
  config.model = {};
  return config;
}

TEST(StepOperations, ThoseOfTheThesisAreFew) {
  const ImplementationScope as_on_cuda("pdhg", "overlapped");
  std::map<std::string, int> operations = operations_of(thesis());
  // 53 convolutions and a sum of parts, with the implementation "tiled"; the rest of the step has 26.
  EXPECT_LE(total(operations), 80) << text(operations);
  int convolution = 0;
  for (const auto& [name, count] : operations) convolution += name.starts_with("conv3d_") ? count : 0;
  EXPECT_LE(total(operations) - convolution, 26) << text(operations);
  // The kernels of PDHG set its start and add up the gradients of its steps themselves; that of
  // the loss takes the mean.
  EXPECT_EQ(operations["pdhg_forward"], 1);
  EXPECT_EQ(operations["pdhg_adjoint"], 1);
  EXPECT_EQ(operations["pdhg_start"], 0);
  EXPECT_EQ(operations["pdhg_add_sums"], 0);
  EXPECT_EQ(operations["mse_loss_forward"], 1);
  EXPECT_EQ(operations["adam_step"], 1);
  EXPECT_EQ(operations["judge_step"], 1);
  EXPECT_EQ(operations["zero_gradients"], 1);
  EXPECT_EQ(operations["copy"], 0);
  EXPECT_EQ(operations["zero"], 0);
}

TEST(StepOperations, ABatchAddsItsNoiseAlone) {
  const ImplementationScope as_on_cuda("pdhg", "overlapped");
  TrainConfig config = thesis();
  config.data.size = 64;
  const std::map<std::string, int> one = operations_of(config, 1), three = operations_of(config, 3);
  EXPECT_EQ(one.at("add_noise"), 1);
  EXPECT_EQ(three.at("add_noise"), 3);
  EXPECT_EQ(three.at("deviation"), 6);
  const auto without_convolutions_and_noise = [](std::map<std::string, int> operations) {
    std::erase_if(operations, [](const auto& entry) { return entry.first.starts_with("conv3d_"); });
    operations.erase("add_noise"), operations.erase("deviation");
    return text(operations);
  };
  EXPECT_EQ(without_convolutions_and_noise(three), without_convolutions_and_noise(one));
}

}  // namespace
}  // namespace primal
