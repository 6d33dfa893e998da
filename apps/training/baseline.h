// What validations report, and what it is read against.
#pragma once

#include <string>
#include <vector>

#include "data/metrics/score_summary.h"

namespace primal {

// One per name of Task::metric_names(): the mean over the validation pictures, and how many of them it leaves
// out.
using Metrics = std::vector<ScoreSummary>;

// The metrics of the same pictures without any model ("noisy"), or with the best that a simpler
// method does ("best scalar").
struct Baseline {
  std::string name;
  Metrics metrics;
};

}  // namespace primal
