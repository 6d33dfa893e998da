// The tables of `primal profile --predict`, and their JSON. Everything says "predicted", but for what was measured beside it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "apps/profile/predicted_run.h"

namespace primal {

// Launch by launch, then kernel by kernel; with `measured`, op by op and layer by layer with both times.
std::string predicted_table(const PredictedRun& run, const DeviceModel& device,
                            const MeasuredRun* measured = nullptr);
nlohmann::json to_json(const PredictedRun& run, const MeasuredRun* measured = nullptr);

// What the model is made of and how wrong it may be, in a few lines.
std::string assumptions_of(const DeviceModel& device);

}  // namespace primal
