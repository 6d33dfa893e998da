// A profile as a web page in one file (data/page): what was measured and on what, figures, and the tables
// behind them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/profile/measure_op.h"
#include "apps/profile/roofs.h"
#include "apps/profile/run_profile.h"
#include "data/page/page.h"

namespace primal {

struct ProfileReport {
  std::string title, command;
  Roofs roofs;
  std::vector<std::string> doubts;
  std::optional<RunProfile> run;                     // of a step or a denoising
  std::vector<std::vector<OpMeasurement>> measured;  // implementations side by side
};

Page profile_page(const ProfileReport& report);

}  // namespace primal
