// `primal profile --predict DEVICE`: times on a device that is not here, from the emulation and the code that nvcc made.
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
  int rounds = 7;  // of what is measured beside, on a CUDA device
};

// The device that --predict computes with: the emulation, unless a CUDA device is asked for or there. ConfigError for the CPU.
std::string device_to_predict_with(const std::string& asked);

// A training step; on a CUDA device also measured.
void predict_step_command(const PredictOptions& options, const TrainingStepOptions& step,
                          std::map<std::string, std::string, std::less<>> forced);

struct PredictedCase {
  const OpInfo* op;
  OpCase op_case;
};
void predict_ops_command(const PredictOptions& options, const std::vector<PredictedCase>& cases,
                         const std::map<std::string, std::string, std::less<>>& forced);

}  // namespace primal
