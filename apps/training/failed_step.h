// What happens after a training step whose loss or gradients are not finite.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/training/config.h"
#include "apps/training/run_folder.h"
#include "apps/training/task.h"

namespace primal {

// Runs step number `step` again to find the first op whose result is not finite, saves the step for
// `primal train --reproduce` (step_file.h) and throws the NumericError that ends the training. `seen` is what
// was noticed first. The weights are those before the step.
[[noreturn]] void fail_step(Task& task, const TrainConfig& config, const RunFolder& folder, int64_t step,
                            const std::string& seen, const TensorMap& batch,
                            const std::vector<int64_t>& samples);

}  // namespace primal
