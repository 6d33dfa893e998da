// The logs of a training, written together: metrics.csv, events.jsonl and, with
// training.log = "tensorboard", what TensorBoard shows.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/training/config.h"
#include "apps/training/event_log.h"
#include "apps/training/metrics_log.h"
#include "apps/training/run_folder.h"
#include "apps/training/task.h"
#include "apps/training/tensorboard_log.h"

namespace primal {

class RunLogs {
 public:
  // New logs; or, with last_row >= 0, those that are there, cut after the row of that step.
  // `facts` are for events.jsonl.
  RunLogs(const RunFolder& folder, const TrainConfig& config, const Task& task, int64_t step,
          int64_t last_row, const nlohmann::json& facts);

  // The losses of the rows that were kept, oldest first.
  const std::vector<double>& kept_losses() const { return metrics_.kept_losses(); }
  bool has_histograms_after(int64_t step) const;

  void baseline(const Baseline& baseline);
  void step(const StepRecord& record, Task& task);
  void checkpoint(int64_t step, const std::string& file) { events_.checkpoint(step, file); }

  // The end of the training: a reason for people and, unless a later --resume goes on with it, whether it
  // went well.
  void stop(int64_t step, const std::string& reason, std::optional<bool> went_well);

 private:
  int64_t log_every_;
  MetricsLog metrics_;
  EventLog events_;
  std::unique_ptr<TensorboardLog> board_;
};

}  // namespace primal
