// What TensorBoard shows of a training (training.log = "tensorboard"): OUT/tensorboard, for
// `tensorboard --logdir OUT`.
//
//   SCALARS      the columns of metrics.csv, at the same steps: loss, mean_loss, learning_rate, step_ms,
//                validation_...; baselines
//   IMAGES       pictures of a few validation samples, as the model stands at a validation:
//                "sample_0/denoised"
//   HISTOGRAMS   weights, their gradients, and maps Lambda, every training.log_every steps
//   TEXT         the settings as a table
//   HPARAMS      the same, to compare trainings by
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "apps/tensorboard/event_file.h"
#include "apps/training/metrics_log.h"
#include "apps/training/task.h"

namespace primal {

class TensorboardLog {
 public:
  // With last_row >= 0, what the log holds about later steps no longer counts, as in MetricsLog; otherwise
  // the log starts anew.
  TensorboardLog(const std::filesystem::path& folder, const nlohmann::json& config,
                 std::vector<std::string> metric_names, int64_t every, int64_t last_row);

  // After the step, with the gradients that it used.
  void step(const StepRecord& record, Task& task);
  void baseline(const Baseline& baseline);
  void stop(bool well);

 private:
  void samples(int64_t step, Task& task);

  EventFile file_;
  std::vector<std::string> metric_names_;
  int64_t every_;
};

}  // namespace primal
