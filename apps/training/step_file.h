// A training step that went wrong, in a file that repeats it: nan_step_N.safetensors.
//
//   tensors    the model's state before the step, under its names (as in a checkpoint), and what the loss
//              worked on as input.NAME: noisy and clean, or what the task's batches have
//   metadata   format "primal-step", version, step, pictures, found (what was not finite), config (JSON)
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "apps/training/config.h"
#include "nn/module.h"

namespace primal {

// What is not finite first when a step's forward and backward run: a parameter, an input, or the result or a
// gradient of an op; "" when all is finite. Every op is looked at, so this is for a step that is known to
// fail; steps repeat exactly. Parameters keep their values.
std::string first_non_finite(const Module& model, const TensorMap& batch,
                             const std::function<Variable(const TensorMap&)>& loss);

struct StepFile {
  TrainConfig config;
  int64_t step = 0;
  std::string pictures;
  std::string found;
};

void save_step(const std::filesystem::path& path, const Module& model, const TensorMap& batch,
               const StepFile& step);

// Runs the step of such a file again: what the file says, and what is not finite now ("" if nothing).
// DataError for a file of another kind.
struct Reproduced {
  StepFile file;
  std::string found_now;
};
Reproduced reproduce_step(const std::filesystem::path& path, Device device = {});

}  // namespace primal
