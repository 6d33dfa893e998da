#include "apps/training/failed_step.h"

#include "apps/training/step_file.h"
#include "tensor/error.h"

namespace primal {

void fail_step(Task& task, const TrainConfig& config, const RunFolder& folder, int64_t step,
               const std::string& seen, const TensorMap& batch, const std::vector<int64_t>& samples) {
  std::string pictures;
  for (const int64_t s : samples) pictures.append(pictures.empty() ? "" : " ").append(task.sample_name(s));
  const std::string found =
      first_non_finite(task.model(), batch, [&](const TensorMap& inputs) { return task.loss(inputs); });
  const std::string what = found.empty() ? seen + ", but not when the step is repeated" : found;
  const std::filesystem::path file = folder.failed(step);
  save_step(file, task.model(), batch, {config, step, pictures, what});
  throw NumericError(
      "[train] step {}, picture {}: {}\n  {} contains the state before it\n"
      "  primal train --reproduce {} repeats this step",
      step, pictures, what, folder.last().string(), file.string());
}

}  // namespace primal
