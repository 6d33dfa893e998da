// The ranges of a run in the Trace Event format, which chrome://tracing and ui.perfetto.dev open.
//
//   {"traceEvents": [{"name", "cat", "ph": "X", "ts", "dur", "pid", "tid", "args"}, ...]}
//
// ts and dur are in microseconds; args: layer, shapes, implementation, MFLOP, MB, GFLOP/s, where known. "M"
// events name the process and its threads.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tensor/range.h"

namespace primal {

nlohmann::json trace_events(const std::vector<RangeRecord>& records, const std::string& process);

}  // namespace primal
