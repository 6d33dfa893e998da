// What `primal train` is to train: the settings from all their sources, and, with --resume, the
// state of the checkpoint.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "apps/commands/train_options.h"
#include "apps/training/checkpoint.h"
#include "apps/training/settings.h"

namespace primal {

// What is to be trained, and, with --resume, where it stands and what differs from before.
struct ResolvedTraining {
  Settings settings;
  TrainingState state;
  std::vector<std::string> changes;
  std::filesystem::path last() const;  // its checkpoint
  bool exists() const;                 // last(); IoError for a folder that cannot be read
};

// A folder in place of the configuration is that of the training to continue. ConfigError without --resume.
TrainOptions with_run_folder(TrainOptions options);
ResolvedTraining resolve(const TrainOptions& options);
// ConfigError where the settings give a length that is shorter than what the checkpoint has done already.
void check_length(const ResolvedTraining& r, int64_t n_steps);

}  // namespace primal
