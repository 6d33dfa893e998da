// Which model profile and tune look at: the thesis's, that of a configuration, or that of a checkpoint.
#pragma once

#include <string>

#include "apps/profile/training_step.h"

namespace primal {

// `file` is a TOML configuration, or a checkpoint or weights (*.safetensors), or the folder of a training
// run, or empty: the thesis settings. Size and batch are the configuration's where they are 0. ConfigError,
// DataError or IoError where the file is none of these.
TrainingStepOptions step_options(const std::string& file, int64_t size, int64_t batch);

}  // namespace primal
