// metrics.csv of a training: a row per step, appended and flushed, so that it can be watched and survives a kill.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace primal {

class MetricsLog {
 public:
  // A new log; or, with last_step >= 0, the log that is there, cut after the row of that step: later rows belong to steps
  // that a resumed training does again. IoError when the file cannot be written.
  MetricsLog(const std::filesystem::path& path, const std::vector<std::string>& metric_names,
             int64_t last_step);

  // Metrics are empty on the steps without validation.
  void add(int64_t step, int64_t epoch, double loss, double step_ms, const std::vector<double>& metrics);

 private:
  std::filesystem::path path_;
  size_t n_metrics_;
  std::ofstream stream_;
};

}  // namespace primal
