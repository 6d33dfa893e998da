// A training step, or an op, on a device that is not here: the launches that it would consist of, with predicted times.
//
// The emulation records what a device would be asked for (tensor/simt/launch_list.h). No kernel runs, so a step of full size takes a
// moment. Each launch is predicted from it by predict_launch.h.
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

// The recorded training step (apps/training/recorded_steps.h) with the kernels of the emulation's choice, PDHG in overlapped tiles.
PredictedRun predict_step(const DeviceModel& device, const TrainingStepOptions& options);

// Forward and backward of a case with one implementation.
PredictedRun predict_op(const DeviceModel& device, const OpInfo& info, const OpCase& op_case,
                        const std::string& implementation);

// The launches of one kernel, or of one op and layer, together.
struct PredictedRow {
  std::string name, layer;  // "conv3d_forward_tensor_core", or "conv3d.backward_data" and "cnn.encoder.0..."
  int launches = 0;
  double bytes = 0.0;
  TimeRange us;
};
std::vector<PredictedRow> by_kernel(const PredictedRun& run);  // slowest first
std::vector<PredictedRow> by_range(const PredictedRun& run);   // in their order

// What was measured of the same step on a device that is here.
struct MeasuredRun {
  std::string device;
  std::map<std::string, double>
      us;                // by name and layer of by_range(), joined by a space; of steps without a graph
  double step_us = 0.0;  // of the recorded step
};
std::string key_of(const PredictedRow& row);
MeasuredRun measure_step(const TrainingStepOptions& options, int rounds);

}  // namespace primal
