// A run, range by range: what a training step or a denoising spends its time on.
//
// A row is one op in one phase and layer; its time is what its ranges took without the ranges inside them.
// Ranges that only hold others together (the network, the backward pass) are no rows: their own time is
// what is left unaccounted.
#pragma once

#include <functional>

#include "apps/profile/statistics.h"
#include "tensor/range.h"

namespace primal {

struct RunProfileRow {
  std::string op, phase, layer;
  std::string geometry, implementation;  // of the last call
  int calls = 0;                         // in a round
  Summary ms;                            // of a round
  double share = 0.0;                    // of the wall time
  Cost cost;                             // of a round
};

struct RunProfile {
  Summary wall_ms;
  double accounted = 0.0;            // share of the wall time that the rows add up to, median of the rounds
  std::vector<RunProfileRow> rows;   // slowest first
  std::vector<RangeRecord> records;  // of the round whose wall time was nearest to the median
  int rounds = 0;
};

// Runs `body` twice to warm up and then `rounds` times, each inside a range `name` (a literal).
RunProfile profile_run(const char* name, int rounds, Device device, const std::function<void()>& body);

// The rows summed over layers: one for each op and phase, slowest first. Medians of sums are
// taken as sums of medians.
std::vector<RunProfileRow> by_op(const RunProfile& profile);

}  // namespace primal
