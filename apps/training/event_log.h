// events.jsonl of a training: one JSON object a line, appended and flushed, for programs that watch it.
//
//   {"event":"start","step":0,"time":"2026-11-21T04:00:00Z","primal":"0.1.0",...,"config":{...}}
//   {"event":"step","step":1,"epoch":0,"loss":0.0603,"mean_loss":...,"learning_rate":...,"step_ms":...}
//   {"event":"validation","step":5,"validation_psnr_db":24.1,"validation_ssim":0.61}
//   {"event":"baseline","step":0,"name":"noisy","validation_psnr_db":18.9,"validation_ssim":0.31}
//   {"event":"checkpoint","step":5,"file":"last.safetensors"}
//   {"event":"stop","step":5,"time":...,"reason":"done"}
//
// A start is logged each time the training starts or resumes, a baseline before the first step.
// The numbers are, digit for digit, those of metrics.csv. A mean that does not exist is null; where
// pictures with an infinite score were left out of it, their number follows as
// "validation_psnr_db_infinite". No line holds NaN or Infinity.
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "apps/training/metrics_log.h"

namespace primal {

// The baselines in a log, of these metrics, each once; nothing where there is no log. Their means are those
// of the log, with one finite value each.
std::vector<Baseline> read_baselines(const std::filesystem::path& events,
                                     const std::vector<std::string>& metric_names);

class EventLog {
 public:
  // A new log; or, with last_row >= 0, the log that is there, cut after the events of that step, as
  // MetricsLog does.
  EventLog(const std::filesystem::path& path, std::vector<std::string> metric_names, int64_t last_row);

  // Logs a start, with the version and the compiler of this program. `facts` holds the configuration and what
  // else is worth knowing.
  void start(int64_t step, const nlohmann::json& facts);
  void step(const StepRecord& record);  // and its validation, where it has one
  void baseline(const Baseline& baseline);
  void checkpoint(int64_t step, const std::string& file);
  void stop(int64_t step, const std::string& reason);

 private:
  void write(const std::string& line);
  std::string metrics_text(const Metrics& metrics) const;

  std::filesystem::path path_;
  std::vector<std::string> metric_names_;
  std::ofstream stream_;
};

}  // namespace primal
