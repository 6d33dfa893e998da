// Checkpoint: everything a training needs to go on, in one safetensors file.
//
//   model/checkpoint_format.h has the model, Adam's moments and the configuration; the metadata also has
//   what TrainingState has: step, best, ...; and implementations: which ran for each op, phase and geometry
//   (JSON, as the entries of a plan file)
//
// Saving leaves a whole file or none (data/file/file.h): a kill at any moment leaves the checkpoint before
// it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "apps/training/config.h"
#include "data/safetensors/safetensors.h"
#include "model/model_file.h"
#include "nn/adam/adam.h"
#include "nn/unrolled_tv/unrolled_tv.h"

namespace primal {

struct TrainingState {
  int64_t step = 0;       // steps done
  double best = -1e300;   // best validation metric so far; -1e300: none yet
  int64_t best_step = 0;  // where it was; 0: no validation yet

  std::string metric;  // its name: "validation_psnr_db"; empty in older checkpoints

  // Early stopping: the metric that must be better by min_delta, and the validations since it was.
  double to_exceed = -1e300;
  int64_t n_waited = 0;

  // A stop or an error came before the validation and the log row that belong to this step were complete:
  // that is done on resuming, and the row in metrics.csv has these.
  bool validation_due = false;
  double loss = 0.0, step_ms = 0.0;

  std::string started_in;  // the folder that a relative data.folder is relative to
  std::string pictures;    // which pictures it is trained on: their number and a digest of their names
};

void save_checkpoint(const std::filesystem::path& path, const Module& model, const Adam& adam,
                     const TrainConfig& config, const TrainingState& state);

// Puts model and optimiser where the file says; DataError for another model (one of another task
// than the configuration's is named) or a file without optimiser.
TrainingState load_checkpoint(const std::filesystem::path& path, const Module& model, Adam& adam,
                              const TrainConfig& config);

// What a checkpoint says of itself: the configuration it was trained with, and where it stands.
struct CheckpointInfo {
  TrainConfig config;
  TrainingState state;
};
// The configuration in the metadata of an open file; DataError where there is none.
TrainConfig checkpoint_config(const Safetensors& file);
// Where the training run stood, nothing for a file that is no checkpoint; DataError where it does not say.
std::optional<TrainingState> training_state(const Safetensors& file);
CheckpointInfo checkpoint_info(const std::filesystem::path& path);

// Puts the weights of a file, a checkpoint or bare ones, into a model that is about to be trained: every
// tensor of the model must be there and fit (DataError), but T may differ, and learnt steps that only one
// of the two has keep their start or are left out. Returns remarks on what differs, one line each.
// `config` is the training's own.
std::vector<std::string> load_initial_weights(const std::filesystem::path& path, const Module& model,
                                              const TrainConfig& config);

// The configuration of a checkpoint; of bare weights, `otherwise` with what the tensors say
// (filters, blocks, learnt steps).
TrainConfig model_config(const std::filesystem::path& path, const TrainConfig& otherwise = {});

}  // namespace primal
