// The course of a training, from the metrics.csv of its folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/image/image.h"

namespace primal {

struct RunCurve {
  std::string name;
  std::vector<double> step, value;
};

struct RunCurves {
  int64_t steps = 0, epochs = 0;
  double hours = 0.0;             // computing, without validation and files
  RunCurve mean_loss;             // of the last 200 steps
  std::vector<RunCurve> metrics;  // of the validations
};

// IoError where the folder has no metrics.csv, DataError naming the line that is no row of one, or that there are no rows.
RunCurves read_run_curves(const std::filesystem::path& folder);

nlohmann::json to_json(const RunCurves& curves);

// The mean loss and each metric over the steps, side by side; the best of a metric, its largest, is marked.
Image figure_of(const RunCurves& curves);

}  // namespace primal
