// A profile as figures: the roofline, where the time of a run goes, and the implementations of an op side by
// side.
//
//   attainable GFLOP/s = min(FMA, intensity * bandwidth)
//   intensity = FLOP of the direct algorithm / byte of compulsory traffic
//
// A point above the roof of the multiply-adds is a method that needs fewer of them than the
// direct algorithm (Winograd).
// Source: S. Williams, A. Waterman, D. Patterson, "Roofline: an insightful visual performance model for
//         multicore architectures", Communications of the ACM 52(4), 2009.
#pragma once

#include <string>
#include <vector>

#include "apps/profile/measure_op.h"
#include "apps/profile/roofs.h"
#include "apps/profile/run_profile.h"
#include "data/figure/figure.h"

namespace primal {

// Each layer of a run as a point in its op's colour (the slowest ops by name, the others together),
// and the time of each op.
Figure run_figure(const RunProfile& profile, const Roofs& roofs);

// The measurements of several cases: each implementation as a point under the roofs, and its time in each
// case and phase.
Figure ops_figure(const std::vector<std::vector<OpMeasurement>>& tables, const Roofs& roofs);

}  // namespace primal
