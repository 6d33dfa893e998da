// Where the time of nested ranges went: each range's own share, without the ranges inside it.
#pragma once

#include <vector>

#include "tensor/range.h"

namespace primal {

struct SelfTime {
  double self_us = 0.0;
  bool has_children = false;
};

// One per record, in the order of `records` (that of closing, as RangeRecorder has them). Sums to the
// outermost ranges.
std::vector<SelfTime> self_times(const std::vector<RangeRecord>& records);

// "forward" where an op's range has no phase.
inline std::string phase_of(const RangeRecord& record) {
  return record.phase.empty() ? std::string("forward") : record.phase;
}

}  // namespace primal
