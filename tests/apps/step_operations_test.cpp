// How many operations a training step asks of a device: each is a launch, and a node of the step's graph.
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <map>

#include "apps/profile/training_step.h"
#include "tensor/simt/simt_graph.h"

namespace primal {
namespace {

TEST(Count, Today) {
  TrainingStepOptions options;
  options.device = Device::simt();
  options.size = 256;
  options.batch = 1;
  options.model.learn_steps = true;
  
  simt::OperationCount count;
  TrainingStep step(options);
  step.run();
  count.clear();
  step.run();
  for (auto& o : count.operations()) fmt::print("{}\n", o);
  fmt::print("total {}\n", count.operations().size());
}

}  // namespace
}  // namespace primal
