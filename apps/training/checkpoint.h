// Checkpoint: everything a training needs to go on, in one safetensors file.
//
//   tensors    the model's state under its names (kernels as the reference implementation has them, reference_layout.h),
//              Adam's moments as adam.m.NAME and adam.v.NAME
//   metadata   format "primal-checkpoint", version, task, config (JSON), and what TrainingState has: step, best, ...;
//              implementations: which ran for each op, phase and geometry (JSON, as the entries of a plan file)
//
// Saving leaves a whole file or none (data/file/file.h): a kill at any moment leaves the checkpoint before it.
// Weights without our metadata load too, where their names and shapes fit: those of the reference implementation do.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "apps/training/config.h"
#include "data/safetensors/safetensors.h"
#include "nn/adam/adam.h"
#include "nn/unrolled_tv/unrolled_tv.h"

namespace primal {

struct TrainingState {
  int64_t step = 0;      // steps done
  double best = -1e300;  // best validation metric so far

  // Early stopping: the metric that must be exceeded by min_delta, and the validations since it was.
  double to_exceed = -1e300;
  int64_t n_waited = 0;

  // A stop came before the validation that belongs to this step was complete: it is done on resuming, and its row in
  // metrics.csv has these.
  bool validation_due = false;
  double loss = 0.0, step_ms = 0.0;

  std::string pictures;  // which pictures it is trained on: their number and a digest of their names
};

void save_checkpoint(const std::filesystem::path& path, const Module& model, const Adam& adam,
                     const TrainConfig& config, const TrainingState& state);

// Puts model and optimiser where the file says; DataError for another model or a file without optimiser.
TrainingState load_checkpoint(const std::filesystem::path& path, const Module& model, Adam& adam);

// What a checkpoint says of itself: the configuration it was trained with, and where it stands.
struct CheckpointInfo {
  TrainConfig config;
  TrainingState state;
};
// The configuration in the metadata of an open file; DataError where there is none.
TrainConfig checkpoint_config(const Safetensors& file);
CheckpointInfo checkpoint_info(const std::filesystem::path& path);

// Puts the weights of a file, a checkpoint or bare ones, into a model that is about to be trained: every tensor of the model
// must be there and fit (DataError), but T may differ, and learnt steps that only one of the two has keep their start or are
// left out. Returns remarks on what differs, one line each. `config` is the training's own.
std::vector<std::string> load_initial_weights(const std::filesystem::path& path, const Module& model,
                                              const TrainConfig& config);

// The configuration of a checkpoint; of bare weights, `otherwise` with what the tensors say (filters, blocks, learnt steps).
TrainConfig model_config(const std::filesystem::path& path, const TrainConfig& otherwise = {});

// The model of a checkpoint, or of bare weights of the thesis model: filters, blocks and learnt steps are then read off the
// tensors, and T, scale and up_bound are `otherwise`'s.
std::unique_ptr<UnrolledTv> load_model(const std::filesystem::path& path, const TrainConfig& otherwise = {},
                                       Device device = {});

}  // namespace primal
