// What tables, figures and pages of a profile say of a row in the same way.
#pragma once

#include <algorithm>
#include <fmt/format.h>
#include <string>

#include "apps/profile/roofs.h"
#include "apps/profile/run_profile.h"

namespace primal {

// At least three digits: 1234, 123.4, 12.34, 0.123.
inline std::string short_number(double value) {
  const int decimals = value >= 1000.0 ? 0 : value >= 100.0 ? 1 : value >= 10.0 ? 2 : 3;
  return fmt::format("{:.{}f}", value, decimals);
}

// "conv3d", "conv3d.backward_data"
inline std::string name_of(const RunProfileRow& row) {
  return row.phase == "forward" ? row.op : row.op + "." + row.phase;
}

// Under the roof of one call: whether data fits a cache does not depend on how many calls there are.
inline Share share_of(const RunProfileRow& row, const Roofs& roofs) {
  const double calls = std::max(row.calls, 1);
  return roofs.share_of({row.cost.flops / calls, row.cost.bytes / calls}, row.ms.median / calls);
}

}  // namespace primal
