// What an op's kernels ask of a device, counted on the emulation: `primal profile --device simt`.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tensor/op/op.h"
#include "tensor/simt/recording.h"

namespace primal {

struct CountedKernels {
  std::string what, implementation;  // "conv3d e0b", "tiled"
  std::vector<simt::LaunchCounters> kernels;
  int64_t n_races = 0;
  std::string first_race;
};

// Forward and backward of a case, by each implementation on the emulation (or those of `only`).
std::vector<CountedKernels> count_op(const OpInfo& info, const OpCase& op_case,
                                     const std::vector<std::string>& only = {});

// Whatever `run` launches.
CountedKernels count_run(std::string what, const std::function<void()>& run);

nlohmann::json to_json(const CountedKernels& counted);
std::string counters_header();
std::string counters_table(const CountedKernels& counted);

}  // namespace primal
