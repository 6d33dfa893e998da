// Checkpoint: everything a training needs to go on, in one safetensors file.
//
//   tensors    the model's state under its names (kernels as the reference implementation has them, reference_layout.h),
//              Adam's moments as adam.m.NAME and adam.v.NAME
//   metadata   format "primal-checkpoint", version, task, step, best (validation), config (JSON)
//
// Saving leaves a whole file or none (data/file/file.h): a kill at any moment leaves the checkpoint before it.
// Weights without our metadata load too, where their names and shapes fit: those of the reference implementation do.
#pragma once

#include <filesystem>
#include <optional>

#include "apps/training/config.h"
#include "nn/adam/adam.h"
#include "nn/unrolled_tv/unrolled_tv.h"

namespace primal {

struct TrainingState {
  int64_t step = 0;      // steps done
  double best = -1e300;  // best validation metric so far
};

void save_checkpoint(const std::filesystem::path& path, const Module& model, const Adam& adam,
                     const TrainConfig& config, const TrainingState& state);

// Puts model and optimiser where the file says; DataError for another model or a file without optimiser.
TrainingState load_checkpoint(const std::filesystem::path& path, const Module& model, Adam& adam);

// The configuration a checkpoint was trained with.
TrainConfig checkpoint_config(const std::filesystem::path& path);

// The configuration of a checkpoint; of bare weights, `otherwise` with what the tensors say (filters, blocks, learnt steps).
TrainConfig model_config(const std::filesystem::path& path, const TrainConfig& otherwise = {});

// The model of a checkpoint, or of bare weights of the thesis model: filters, blocks and learnt steps are then read off the
// tensors, and T, scale and up_bound are `otherwise`'s.
std::unique_ptr<UnrolledTv> load_model(const std::filesystem::path& path, const TrainConfig& otherwise = {});

}  // namespace primal
