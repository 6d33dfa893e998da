// The tables of `primal profile --collective`, at most 100 columns wide, and their JSON.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "apps/scaling/message_model.h"
#include "apps/scaling/step_model.h"
#include "apps/scaling/step_parts.h"

namespace primal {

// Each measured operation beside the model; below them the coefficients of the fit and its deviations.
std::string message_table(const std::vector<MessageTime>& rows, const MessageFit& fit);
nlohmann::json to_json(const std::vector<MessageTime>& rows, const MessageFit& fit);

// "latency 12.3 us, 1.2 us for each further message, 3.21 GB/s"
std::string model_text(const MessageModel& model);
nlohmann::json to_json(const MessageModel& model);

// A step that was measured on several ranks, beside the prediction for it.
std::string step_table(const MeasuredStep& measured, const StepPrediction& predicted);
nlohmann::json to_json(const MeasuredStep& measured, const StepPrediction& predicted);

std::string scaling_table(const std::vector<ScalingRow>& rows);
nlohmann::json to_json(const std::vector<ScalingRow>& rows);

nlohmann::json to_json(const StepParts& parts);

}  // namespace primal
