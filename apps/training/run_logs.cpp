#include "apps/training/run_logs.h"

#include <nlohmann/json.hpp>

namespace primal {

RunLogs::RunLogs(const RunFolder& folder, const TrainConfig& config, const Task& task, int64_t step,
                 int64_t last_row, const nlohmann::json& facts)
    : log_every_(config.training.log_every),
      metrics_(folder.metrics(), task.metric_names(), last_row),
      events_(folder.events(), task.metric_names(), last_row) {
  events_.start(step, facts);
  if (config.training.log == "tensorboard")
    board_ = std::make_unique<TensorboardLog>(folder.path() / "tensorboard", config_to_json(config),
                                              task.metric_names(), log_every_, last_row);
}

bool RunLogs::has_histograms_after(int64_t step) const {
  return board_ != nullptr && log_every_ > 0 && step % log_every_ == 0;
}

void RunLogs::baseline(const Baseline& baseline) {
  events_.baseline(baseline);
  if (board_ != nullptr) board_->baseline(baseline);
}

void RunLogs::step(const StepRecord& record, Task& task) {
  metrics_.add(record);
  events_.step(record);
  if (board_ != nullptr) board_->step(record, task);
}

void RunLogs::stop(int64_t step, const std::string& reason, std::optional<bool> went_well) {
  events_.stop(step, reason);
  if (board_ != nullptr && went_well) board_->stop(*went_well);
}

}  // namespace primal
