// How many operations the training step of the thesis asks of a device: each is a node of the step's graph, and costs about a
// microsecond on a device however little it does.
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
std::map<std::string, int> operations_of(const TrainConfig& config) {
  const simt::OperationCount skipped;
  DenoisingTask task(config, Device::simt());
  Adam adam(task.model().parameters(), {});
  RecordedSteps steps(task, adam, graph_setting("on", Device::simt()), [](const std::string&) {});
  task.loss(steps.batch(0, {0})).backward();
  steps.run(1, 0, std::vector<int64_t>{1});
  std::map<std::string, int> by_name;
  for (const std::string& name : steps.graph(1)->operations()) ++by_name[name];
  return by_name;
}

TEST(StepOperations, TheStepOfTheThesisIsFew) {
  TrainConfig config = testing::tiny_training("unused", 2);
  config.data.size = 256;
  config.model = {};
  const ImplementationScope as_on_cuda("pdhg", "overlapped");
  int total = 0;
  for (const auto& [name, count] : operations_of(config)) {
    fmt::print("{:4} {}\n", count, name);
    total += count;
  }
  fmt::print("{:4} operations\n", total);
  EXPECT_LE(total, 80);
}

}  // namespace
}  // namespace primal
