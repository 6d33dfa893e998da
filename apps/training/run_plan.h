// What a training is going to do and to need, said before it starts.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "apps/shell/machine_load.h"
#include "apps/training/settings.h"
#include "apps/training/task.h"
#include "nn/unrolled_tv/unrolled_tv.h"

namespace primal {

// A step tried out: forward and backward on the first pictures, twice, the second one timed. Nothing
// changes by it: weights are only read, buffers put back, gradients are zeroed before each step, and no
// random number has a state.
struct StepTrial {
  double step_ms = 0.0;    // without Adam
  int64_t peak_bytes = 0;  // of all tensors in it, with weights and gradients
  MachineLoad load = {};   // while the second step ran
  std::string failed;      // why there are no numbers
};
StepTrial try_step(Task& task, int64_t batch);

struct RunPlan {
  int64_t n_parameters = 0, n_samples = 0, n_validation = 0;
  int64_t n_steps = 0, steps_done = 0;
  Device device = {};
  int threads = 0;
  TrainingPlan step;
  StepTrial trial;

  double seconds_left() const { return static_cast<double>(n_steps - steps_done) * trial.step_ms * 1e-3; }
};

// Why a step does not fit into so many bytes of a device, and the largest batch or picture that
// would; empty where it does.
std::string does_not_fit(const TrainConfig& config, const UnrolledTv& model, int64_t free_bytes);

// The same for the device of the task and what is free there now.
std::string does_not_fit(const TrainConfig& config, const Task& task);

// With the trial, unless `no_trial` says why there is none.
RunPlan plan_run(const TrainConfig& config, Task& task, int64_t steps_done, const std::string& no_trial = "");

// Settings, with origins where they are not the default's, and the plan, for people.
std::string to_text(const Settings& settings, const RunPlan& plan);
nlohmann::json to_json(const RunPlan& plan);

}  // namespace primal
