#include "apps/commands/train_settings.h"

#include <unistd.h>
#include <utility>

#include "apps/shell/is_folder.h"
#include "apps/training/denoising_loss.h"
#include "apps/training/make_task.h"
#include "apps/training/run_folder.h"
#include "tensor/error.h"

namespace primal {
namespace {

// Where the pictures of a training lie that was started in another folder: a relative data.folder is meant
// from there.
void find_data_again(Settings& settings, const TrainingState& state) {
  namespace fs = std::filesystem;
  std::string& folder = settings.config.data.folder;
  const fs::path from_start = fs::path(state.started_in) / folder;
  std::error_code error;
  if (folder.empty() || fs::path(folder).is_absolute() || state.started_in.empty() ||
      settings.origins.at("data.folder") != "checkpoint" || !fs::exists(from_start, error) ||
      fs::equivalent(from_start, folder, error))
    return;
  folder = from_start.lexically_normal().string();
}

}  // namespace

std::filesystem::path ResolvedTraining::last() const {
  return std::filesystem::path(settings.config.output) / kLastCheckpoint;
}

bool ResolvedTraining::exists() const {
  std::error_code error;
  const bool found = std::filesystem::exists(last(), error);
  if (error) throw IoError("[train] cannot read the folder {}: {}", settings.config.output, error.message());
  return found;
}

TrainOptions with_run_folder(TrainOptions options) {
  if (!is_folder(options.config_file)) return options;
  const std::string folder = std::exchange(options.config_file, "");
  if (!options.resume) {
    throw ConfigError(
        "[train] {} is a folder, expected a TOML file; to continue the training in it: primal train "
        "--resume -o {}",
        folder, folder);
  }
  if (options.output && *options.output != folder) {
    throw ConfigError("[train] --resume continues in one folder, but both {} and --output {} are given",
                      folder, *options.output);
  }
  options.output = folder;
  return options;
}

ResolvedTraining resolve(const TrainOptions& options) {
  ResolvedTraining r;
  if (!options.config_file.empty()) apply_file(r.settings, options.config_file);
  apply_environment(r.settings, environ);
  apply_flags(r.settings, flags_of(options));
  expand_places(r.settings);
  if (!options.resume) check_owners(r.settings);
  if (options.resume) {
    if (!r.exists()) {
      throw IoError("[train] nothing to resume: {} does not exist", r.last().string());
    }
    const CheckpointInfo checkpoint = checkpoint_info(r.last());
    r.settings = resumed(r.settings, checkpoint.config, r.last().string(), r.changes);
    r.state = checkpoint.state;
    find_data_again(r.settings, r.state);
  }
  if (r.settings.config.output.empty())
    throw ConfigError("[config] output is empty: name a folder (--output)");
  TrainConfig::Noise& noise = r.settings.config.noise;
  if (noise.high == 0.0 && !r.settings.origins.contains("noise.low")) noise.low = 0.0;
  if (noise.levels == "logarithmic" && noise.high > 0.0 && !(noise.low > 0.0))
    throw ConfigError("[config] noise.levels = \"logarithmic\" needs noise.low above 0, found {}", noise.low);
  if (noise.low > noise.high) {
    throw ConfigError("[config] noise.low {} is above noise.high {}", noise.low, noise.high);
  }
  if (r.settings.config.task.kind == "denoise") check_denoising_loss(r.settings.config);
  if (!options.print_config) complete_config(r.settings.config);
  return r;
}

void check_length(const ResolvedTraining& r, int64_t n_steps) {
  if (n_steps >= r.state.step) return;
  for (const char* key : {"training.steps", "training.epochs"}) {
    const auto origin = r.settings.origins.find(key);
    if (origin == r.settings.origins.end() || origin->second == "checkpoint") continue;
    throw ConfigError(
        "[train] {} ({}) ends the training after step {}, but {} is at step {} already: give more to "
        "continue, or another --output to start afresh",
        key, origin->second, n_steps, r.last().string(), r.state.step);
  }
}

}  // namespace primal
