// One op, case by case: every implementation that supports the case, phase by phase, interleaved and judged.
//
// Times are those of the op's named ranges, the same that a profile of a training step shows. A round runs
// each implementation once, so that a slow minute of the machine meets them all.
#pragma once

#include <optional>

#include "apps/profile/statistics.h"
#include "tensor/op/op.h"

namespace primal {

struct MeasureOptions {
  int rounds = 7;
  double min_time_ms = 30.0;  // an implementation runs on until so much time has been measured
  Device device = {};         // whose implementations; times are the device's own
};

struct OpMeasurement {
  std::string op, op_case, geometry;  // the key of ops with a choice, else the shapes
  std::string phase, implementation;
  bool chosen = false;  // this is what runs when nobody forces another
  Summary ms;
  Cost cost;
  // The tensor of this phase that is nearest to (or furthest beyond) its limit, against the reference in f32.
  double error = 0.0, allowed = 0.0;
  bool ok = true;
  bool judged = false;  // false for the reference itself, and where nothing is judged
};

// `only`: these implementations; empty: all. Rows by phase, implementations in the order of the ladder.
std::vector<OpMeasurement> measure_op(const OpInfo& info, const OpCase& op_case,
                                      const MeasureOptions& options,
                                      const std::vector<std::string>& only = {});

// The stage for pictures of another size: square images with sides of 32 pixels or more scale by size / 256,
// those of its inputs and those whose extents an attribute states.
OpCase at_size(const OpCase& stage, int64_t size);

}  // namespace primal
