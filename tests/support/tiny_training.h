// A training small enough to see through: a network of one level and six iterations on phantoms of 16 x 16.
#pragma once

#include <filesystem>

#include "apps/training/config.h"

namespace primal::testing {

inline TrainConfig tiny_training(const std::filesystem::path& output, int64_t steps) {
  TrainConfig config;
  config.data.size = 16;
  config.data.n_train = 5;
  config.data.n_validation = 2;
  config.model.filters = 2;
  config.model.blocks = 1;
  config.model.iterations = 6;
  config.training.steps = steps;
  config.training.learning_rate = 1e-3;
  config.output = output.string();
  return config;
}

}  // namespace primal::testing
