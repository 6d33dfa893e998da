// `primal profile --predict DEVICE`: predicts times on a device that this machine does not have, from the
// launches that the emulation records and from the instructions in nvcc's code
// (apps/profile/predicted_run.h).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "apps/profile/training_step.h"
#include "tensor/op/op.h"

namespace primal {

struct PredictOptions {
  std::string device;  // "h200"; empty: nothing is predicted
  bool json = false, quiet = false;
  int rounds = 7;  // of the measurement, if there is a CUDA device
};

// The device that runs the step or the ops: a CUDA device if one is asked for, or if one is there and `asked`
// is "auto"; otherwise the emulation. Throws ConfigError for the CPU.
std::string device_to_predict_with(const std::string& asked);

// Predicts a training step, and on a CUDA device also measures it.
void predict_step_command(const PredictOptions& options, const TrainingStepOptions& step,
                          std::map<std::string, std::string, std::less<>> forced);

struct PredictedCase {
  const OpInfo* op;
  OpCase op_case;
};
void predict_ops_command(const PredictOptions& options, const std::vector<PredictedCase>& cases,
                         const std::map<std::string, std::string, std::less<>>& forced);

}  // namespace primal
