// What becomes of a training step that gave no finite number.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/training/config.h"
#include "apps/training/run_folder.h"
#include "apps/training/task.h"

namespace primal {

// Runs step number `step` again to find the op that began it, saves it for `primal train --reproduce` (step_file.h) and throws the
// NumericError that ends the training. `seen` is what was noticed first. The weights are those before the step.
[[noreturn]] void fail_step(Task& task, const TrainConfig& config, const RunFolder& folder, int64_t step,
                            const std::string& seen, const TensorMap& batch,
                            const std::vector<int64_t>& samples);

}  // namespace primal
