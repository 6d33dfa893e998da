// The tables of `primal profile`, 100 columns wide, and their JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "apps/profile/measure_op.h"
#include "apps/profile/roofs.h"
#include "apps/profile/run_profile.h"

namespace primal {

std::string op_table_header();
// The rows of one case. A * marks what runs when nobody forces another.
std::string op_table(const std::vector<OpMeasurement>& rows, const Roofs& roofs);
nlohmann::json to_json(const OpMeasurement& row, const Roofs& roofs);

// Two tables, by op and by layer, and the account. `all`: every layer, else the 24 slowest.
std::string run_table(const RunProfile& profile, const Roofs& roofs, bool all);
nlohmann::json to_json(const RunProfile& profile, const Roofs& roofs);

}  // namespace primal
