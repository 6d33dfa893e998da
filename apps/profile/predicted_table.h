// The tables of `primal profile --predict`, and their JSON. Predicted and measured times are labelled as
// such.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "apps/profile/predicted_run.h"

namespace primal {

// A table of the launches and one of the kernels; with `measured`, also one of the ops and layers with both
// times.
std::string predicted_table(const PredictedRun& run, const DeviceModel& device,
                            const MeasuredRun* measured = nullptr);
nlohmann::json to_json(const PredictedRun& run, const MeasuredRun* measured = nullptr);

// A few lines about the numbers in the model and how wrong it may be.
std::string assumptions_of(const DeviceModel& device);

}  // namespace primal
