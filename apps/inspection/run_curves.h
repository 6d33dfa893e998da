// The course of a training, from the metrics.csv of its folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/training/baseline.h"
#include "data/figure/figure.h"

namespace primal {

struct RunCurve {
  std::string name;
  std::vector<double> step, value;  // a value that is not there or not finite is NaN or infinite

  // The best point that is finite; nothing where none is.
  std::optional<size_t> best(bool larger_is_better) const;
};

// False for errors: mse, rmse, mae, loss and names that end in them.
bool larger_is_better(const std::string& metric);

struct RunCurves {
  std::string name;  // of the folder
  int64_t steps = 0, epochs = 0;
  double hours = 0.0;  // computing, without validation and files
  RunCurve mean_loss;  // of the last 200 steps
  RunCurve learning_rate;
  std::vector<RunCurve> metrics;    // of the validations
  std::vector<Baseline> baselines;  // what the metrics are read against, in their order; from events.jsonl
};

// IoError where the folder has no metrics.csv, DataError naming the line that is no row of one, or that there
// are no rows. With `problems`, lines that are no rows are left out and the first of them is named there.
RunCurves read_run_curves(const std::filesystem::path& folder, std::vector<std::string>* problems = nullptr);

nlohmann::json to_json(const RunCurves& curves);

// The mean loss and each metric that has a finite point over the steps, four side by side; the best of a
// metric is marked, and the baselines of the first run are lines across. Several runs share the axes, with a
// legend of their names. DataError where nothing is finite.
Figure figure_of(const std::vector<RunCurves>& runs);

}  // namespace primal
