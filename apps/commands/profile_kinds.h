// What the kinds of `primal profile` have in common: their options, the roofs that they measure, and
// what they write and warn of.
#pragma once

#include <string>
#include <vector>

#include "apps/commands/profile_collective.h"
#include "apps/commands/profile_predict.h"
#include "apps/pictures/figure_file.h"
#include "apps/profile/profile_page.h"
#include "apps/profile/simt_counters.h"
#include "apps/shell/machine_load.h"

namespace primal {

struct ProfileOptions {
  CommonOptions common;
  std::vector<std::string> ops, shapes;
  bool step = false, denoise = false, all = false, overwrite = false;
  std::string model, config, trace, report;
  FigureFile figure;
  int64_t size = 0, batch = 0;
  int rounds = 7;
  double min_time_ms = 30.0;
  CollectiveOptions collective;
  std::string predict;

  PredictOptions prediction() const { return {predict, common.json, common.quiet, rounds}; }
  bool draws() const { return !report.empty() || figure.is_wanted(); }
};

// Side in pixels of the pictures on the emulation: small, since each recorded access takes some 70 ns there.
inline constexpr int64_t kProfiledOnSimt = 32;

Roofs roofs_now(const ProfileOptions& options, Device device);

// What speaks against the figures of a report: others used the processors, or the roofs contradict each
// other.
std::vector<std::string> doubts(const LoadWatch& watch, const Roofs& roofs);
void print_doubts(const std::vector<std::string>& found);

// What the kernels asked for on the emulation. Throws CheckFailed where threads race.
void print_counts(const std::vector<CountedKernels>& counts, bool json);

// --figure and --report.
void write_drawn(const ProfileOptions& options, const Figure& figure, const ProfileReport& report);

// The kinds, each with the device that its kernels run on.
void profile_ops(const ProfileOptions& options, Device device);
void predict_ops(const ProfileOptions& options);
void profile_run_of_model(const ProfileOptions& options, Device device);

}  // namespace primal
