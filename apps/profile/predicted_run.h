// A training step, or an op, on a device that need not be here: the launches that it would consist
// of, with predicted times.
//
// The emulation records the launches that a device would run (tensor/simt/launch_list.h). It runs no kernel,
// so even a step of full size takes only a moment. predict_launch.h predicts the time of each launch.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "apps/profile/predict_launch.h"
#include "apps/profile/run_profile.h"
#include "apps/profile/training_step.h"
#include "tensor/op/op.h"

namespace primal {

struct PredictedRun {
  std::string device, what;  // "h200", "training step of 256 x 256 pixels, batch 1, T = 256"
  std::vector<PredictedLaunch> launches;

  TimeRange total_us() const;
};

// The recorded training step (apps/training/recorded_steps.h) with the kernels that the emulation
// chooses where none are forced.
PredictedRun predict_step(const DeviceModel& device, const TrainingStepOptions& options);

// Forward and backward of a case with one implementation.
PredictedRun predict_op(const DeviceModel& device, const OpInfo& info, const OpCase& op_case,
                        const std::string& implementation);

// All launches of one kernel, or of one op in one layer.
struct PredictedRow {
  std::string name, layer;  // "conv3d_forward_tensor_core", or "conv3d.backward_data" and "cnn.encoder.0..."
  int launches = 0;
  double bytes = 0.0;
  TimeRange us;
};
std::vector<PredictedRow> by_kernel(const PredictedRun& run);  // slowest first
std::vector<PredictedRow> by_range(const PredictedRun& run);   // in the order of the launches

// Measured times of the same step on a CUDA device of this machine.
struct MeasuredRun {
  std::string device;
  std::map<std::string, double>
      us;                // time of each row of by_range(), by key_of(row), in steps without a graph
  double step_us = 0.0;  // time of the recorded step
};
std::string key_of(const PredictedRow& row);
MeasuredRun measure_step(const TrainingStepOptions& options, int rounds);

}  // namespace primal
