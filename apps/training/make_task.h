// The task that a configuration asks for.
#pragma once

#include <memory>

#include "apps/training/config.h"
#include "apps/training/task.h"
#include "data/dataset/picture_check.h"

namespace primal {

// Fills in what the data say and the configuration leaves open: classifier.labels.
void complete_config(TrainConfig& config);

// `config` is complete. Errors are those of the tasks.
std::unique_ptr<Task> make_task(const TrainConfig& config, Device device = {},
                                PictureCheck check = PictureCheck::headers);

}  // namespace primal
