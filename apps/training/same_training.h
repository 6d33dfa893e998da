// Checks, before the first step, that all ranks are about to run the same training. The build (its
// commit), the configuration, the pictures (their number and a digest of their names), the step of the
// checkpoint and the options of the command must agree. Folders may differ, since nodes may have their
// data in different places.
#pragma once

#include <map>
#include <string>

#include "apps/distributed/communicator.h"
#include "apps/training/config.h"
#include "apps/training/task.h"

namespace primal {

// ConfigError on every rank, naming the first rank that differs from rank 0, and in what.
// `options`: what else must agree, by name: {"--precision": "tf32"}.
void check_same_training(Communicator& ranks, const TrainConfig& config, const Task& task, int64_t step,
                         const std::map<std::string, std::string>& options = {});

}  // namespace primal
