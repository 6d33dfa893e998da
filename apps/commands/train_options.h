// The options of `primal train`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/commands/commands.h"
#include "apps/training/settings.h"

namespace primal {

struct TrainOptions {
  CommonOptions common;
  std::string config_file;
  std::optional<std::string> data, output, init, log;
  std::optional<int64_t> steps, epochs, seed, overfit, keep;
  std::vector<std::string> set;
  std::string progress = "auto", reproduce;
  std::string distributed = "auto", exchange = "auto";
  double timeout = 300.0;
  bool resume = false, overwrite = false, dry_run = false, print_config = false, check_data = false;
};

// The settings that the flags give, --set first, so that the flag of a key takes precedence over --set.
std::vector<FlagValue> flags_of(const TrainOptions& o);

// With the keys of the configuration and examples below them.
void add_train_options(CLI::App& command, TrainOptions& o);

}  // namespace primal
