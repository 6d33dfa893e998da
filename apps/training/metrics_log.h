// metrics.csv of a training: a row per step, appended and flushed, so that it can be watched and survives a
// kill.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "apps/training/baseline.h"

namespace primal {

// One step of a training, as it is printed and logged.
struct StepRecord {
  int64_t step = 0;   // steps done
  int64_t epoch = 0;  // from 0
  double loss = 0.0;
  double mean_loss = 0.0;  // of the last 200 steps
  double learning_rate = 0.0;
  double step_ms = 0.0;
  Metrics validation;  // where one was due, else empty
};

// The numbers of a step as every log writes them; the nine digits of a float32 loss give it back exactly.
// `validation` holds the mean of each metric over the pictures with a finite score
// (data/metrics/score_summary.h); a mean is empty where no picture has one.
struct StepTexts {
  std::string loss, mean_loss, learning_rate, step_ms;
  std::vector<std::string> validation;
};
StepTexts texts_of(const StepRecord& record);
std::string text_of(const ScoreSummary& metric);

class MetricsLog {
 public:
  // A new log; or, with last_row >= 0, the log that is there, cut after the row of that step: later rows
  // belong to steps that a resumed training does again. IoError when the file cannot be written.
  MetricsLog(const std::filesystem::path& path, const std::vector<std::string>& metric_names,
             int64_t last_row);

  void add(const StepRecord& record);

  // The losses of the rows that were kept, oldest first.
  const std::vector<double>& kept_losses() const { return kept_losses_; }

 private:
  std::filesystem::path path_;
  size_t n_metrics_;
  std::vector<double> kept_losses_;
  std::ofstream stream_;
};

}  // namespace primal
