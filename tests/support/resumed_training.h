// A training that is stopped and goes on, against one that is not.
#pragma once

#include <csignal>
#include <filesystem>
#include <gtest/gtest.h>
#include <vector>

#include "apps/training/denoising_task.h"
#include "apps/training/trainer.h"
#include "data/safetensors/safetensors.h"

namespace primal::testing {

inline volatile std::sig_atomic_t never = 0;  // no signal comes

inline std::vector<double> losses_of(Task& task, const TrainConfig& config, bool resume = false) {
  std::vector<double> losses;
  train(task, config, resume, never, [&](const TrainEvent& e) { losses.push_back(e.loss); });
  return losses;
}

// `whole` takes 12 steps. `part`, which differs in its folder alone, stops after 7, in the middle of the
// second epoch, and goes on. Losses and everything in the last checkpoint are the same bits.
inline void expect_resumes_bit_for_bit(const TrainConfig& whole, TrainConfig part) {
  DenoisingTask a(whole);
  const std::vector<double> expected = losses_of(a, whole);
  part.training.steps = 7;
  DenoisingTask b(part);
  std::vector<double> losses = losses_of(b, part);
  part.training.steps = 12;
  DenoisingTask c(part);
  const std::vector<double> rest = losses_of(c, part, true);
  losses.insert(losses.end(), rest.begin(), rest.end());
  EXPECT_EQ(losses, expected);
  const auto last = [](const TrainConfig& config) {
    return Safetensors::read(std::filesystem::path(config.output) / "last.safetensors").tensors();
  };
  const TensorMap x = last(whole), y = last(part);
  for (const auto& [name, tensor] : x) EXPECT_EQ(tensor.to_doubles(), y.at(name).to_doubles()) << name;
}

}  // namespace primal::testing
