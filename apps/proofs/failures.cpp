#include "apps/proofs/failures.h"

#include <algorithm>
#include <fmt/core.h>

namespace primal {

std::string failures_text(const std::vector<OpCheckRow>& rows, bool reference_failed, Device device) {
  std::string text;
  bool compared = false;  // and found different
  for (const OpCheckRow& row : rows) {
    if (row.ok) continue;
    compared = compared || !stands_alone(row);
    text += fmt::format("    {}, case {}, {}: {}\n", row.implementation, row.op_case, row.proof, row.message);
  }
  if (text.empty()) return text;
  if (reference_failed) {
    text += fmt::format(
        "    The reference of {} fails, so comparisons with it prove nothing, whether they hold or not: fix "
        "it first.\n",
        rows.front().op);
  } else if (compared && !device.is_cpu()) {
    text +=
        fmt::format("    Compared with the reference on the processor; `primal check {}` proves that one.\n",
                    rows.front().op);
  }
  return text;
}

}  // namespace primal
