// Settings: a configuration and where each value came from. Later layers win:
//
//   default  <  file (TOML)  <  environment (PRIMAL_TRAINING_STEPS for training.steps)  <  flags
//
// Within a layer that comes after the file, training.epochs without training.steps means that the epochs
// decide.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "apps/training/config.h"

namespace primal {

struct Settings {
  Settings() = default;
  Settings(TrainConfig c, Origins o = {})
      : config(std::move(c)), origins(std::move(o)) {}  // NOLINT(google-explicit-constructor)

  TrainConfig config;
  Origins origins;  // of the keys that were given
};

// ConfigError with line and column, as read_config.
void apply_file(Settings& settings, const std::filesystem::path& file);

// Variables of the form NAME=VALUE, ended by a null pointer, as `environ` has them. Those that are no key of
// ours but look like one (PRIMAL_TRAINING_STEP, PRIMAL_SEEED) are a ConfigError with the nearest name;
// others, as PRIMAL_THREADS, are left alone.
void apply_environment(Settings& settings, const char* const* environment);

// One value that a flag gives.
struct FlagValue {
  std::string assignment;  // "training.steps=600"
  std::string flag;        // "--steps"
};
void apply_flags(Settings& settings, const std::vector<FlagValue>& flags);

// The name of a key in the environment: "training.steps" -> "PRIMAL_TRAINING_STEPS".
std::string environment_name(const std::string& key);

// A data.folder or data.manifest that begins with $PRIMAL_DATA means the folder which that variable names;
// ConfigError where it is not set.
void expand_places(Settings& settings);

// ConfigError for a key that was given although it belongs to tasks of other kinds, naming both.
void check_owners(const Settings& settings);

// All values as a TOML file that apply_file reads back, each with its origin as comment.
std::string to_toml(const Settings& settings);

// The settings of a training that goes on from a checkpoint: the checkpoint's. A given value that differs
// wins where a training may change it on its way (steps, epochs, learning rates, patience, checkpoints, the
// place of the pictures) and adds a line to `changes`; elsewhere (model, seed, noise, ...) it is a
// ConfigError that lists all such keys with both values.
Settings resumed(const Settings& given, const TrainConfig& checkpoint, const std::string& checkpoint_name,
                 std::vector<std::string>& changes);

}  // namespace primal
