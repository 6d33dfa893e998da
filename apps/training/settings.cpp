#include "apps/training/settings.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

#include "tensor/error.h"
#include "tensor/nearest_name.h"

namespace primal {
namespace {

constexpr std::string_view kPrefix = "PRIMAL_";
constexpr size_t kLooksLikeAKey = 2;  // letters that may be wrong in a variable's name

// What a training may change on its way. The rest decides what it computes from the first step on, or, as
// output, is where the checkpoint was found.
constexpr std::array kMayChange{"data.folder",
                                "data.manifest",
                                "data.skip_broken",
                                "training.epochs",
                                "training.steps",
                                "training.learning_rate",
                                "training.final_learning_rate",
                                "training.patience",
                                "training.min_delta",
                                "training.checkpoint_seconds",
                                "training.keep",
                                "training.prefetch",
                                "training.resident_mb",
                                "training.validate_every",
                                "training.baselines",
                                "training.graph",
                                "training.log",
                                "training.log_every"};

void let_epochs_decide(Settings& settings, const Origins& layer) {
  const auto epochs = layer.find("training.epochs");
  if (epochs == layer.end() || layer.contains("training.steps")) return;
  settings.config.training.steps = 0;
  settings.origins["training.steps"] = epochs->second;
}

void add_layer(Settings& settings, const Origins& layer) {
  for (const auto& [key, origin] : layer) settings.origins[key] = origin;
  let_epochs_decide(settings, layer);
}

// PRIMAL_TRAINING_... belongs to a section of the configuration, whatever follows.
bool names_a_section(const std::string& variable, const std::vector<ConfigKey>& keys) {
  return std::ranges::any_of(keys, [&](const ConfigKey& key) {
    const size_t dot = key.name.find('.');
    return dot != std::string::npos && variable.starts_with(environment_name(key.name.substr(0, dot + 1)));
  });
}

std::string section_of(const std::string& key) {
  const size_t dot = key.find('.');
  return dot == std::string::npos ? "" : key.substr(0, dot);
}

}  // namespace

void apply_file(Settings& settings, const std::filesystem::path& file) {
  read_config(settings.config, file, &settings.origins);
}

std::string environment_name(const std::string& key) {
  std::string name(kPrefix);
  for (const char c : key) {
    name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

void apply_environment(Settings& settings, const char* const* environment) {
  const std::vector<ConfigKey> keys = config_keys(settings.config);
  std::vector<std::string> names;
  for (const ConfigKey& key : keys) names.push_back(environment_name(key.name));
  Origins layer;
  for (; *environment != nullptr; ++environment) {
    const std::string text = *environment;
    const size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    if (equals == std::string::npos || !name.starts_with(kPrefix)) continue;
    const auto found = std::ranges::find(names, name);
    if (found != names.end()) {
      const std::string& key = keys[static_cast<size_t>(found - names.begin())].name;
      set_config(settings.config, key + "=" + text.substr(equals + 1), "environment, " + name);
      layer[key] = "environment";
      continue;
    }
    const std::string& nearest = nearest_name(names, name);
    if (names_a_section(name, keys) || edit_distance(name, nearest) <= kLooksLikeAKey) {
      throw ConfigError("[config] environment: {} is not a key; did you mean {}?", name, nearest);
    }
  }
  add_layer(settings, layer);
}

void apply_flags(Settings& settings, const std::vector<FlagValue>& flags) {
  Origins layer;
  for (const FlagValue& f : flags) set_config(settings.config, f.assignment, f.flag, &layer);
  add_layer(settings, layer);
}

void expand_places(Settings& settings) {
  constexpr std::string_view kVariable = "$PRIMAL_DATA";
  for (std::string* place : {&settings.config.data.folder, &settings.config.data.manifest}) {
    if (!place->starts_with(kVariable)) continue;
    const char* const value = std::getenv("PRIMAL_DATA");
    if (value == nullptr || *value == '\0') {
      throw ConfigError(
          "[config] data.{} is {}, but the environment variable PRIMAL_DATA is not set: set it to the folder "
          "of the data sets, or name another place with --data; --data '' generates pictures",
          place == &settings.config.data.folder ? "folder" : "manifest", *place);
    }
    *place = value + place->substr(kVariable.size());
  }
}

void check_owners(const Settings& settings) {
  TrainConfig config = settings.config;
  const std::vector<ConfigKey> own = task_keys(config);
  for (const auto& [key, origin] : settings.origins) {
    if (std::ranges::find(own, key, &ConfigKey::name) != own.end()) continue;
    throw ConfigError("[config] {}: {} belongs to task.kind {}, but this training has task.kind {}", origin,
                      key, tasks_of(key), config.task.kind);
  }
}

std::string to_toml(const Settings& settings) {
  TrainConfig config = settings.config;
  std::string text, section;
  for (const ConfigKey& key : task_keys(config)) {
    const std::string own = section_of(key.name);
    if (own != section) text += fmt::format("\n[{}]\n", own);
    section = own;
    const auto origin = settings.origins.find(key.name);
    text += fmt::format("{} = {}  # {}\n", own.empty() ? key.name : key.name.substr(own.size() + 1),
                        toml_value(key), origin == settings.origins.end() ? "default" : origin->second);
  }
  return text;
}

Settings resumed(const Settings& given, const TrainConfig& checkpoint, const std::string& checkpoint_name,
                 std::vector<std::string>& changes) {
  Settings result(checkpoint);
  result.config.output = given.config.output;
  TrainConfig given_copy = given.config;
  const std::vector<ConfigKey> wanted = config_keys(given_copy), kept = config_keys(result.config);
  std::string conflicts;
  for (size_t i = 0; i < kept.size(); ++i) {
    const std::string& name = kept[i].name;
    const auto origin = given.origins.find(name);
    result.origins[name] = "checkpoint";
    // Places are those given, also where they read the same: they may be relative to another folder.
    const bool is_place = name == "output" || name == "data.folder" || name == "data.manifest";
    if (is_place && origin != given.origins.end()) result.origins[name] = origin->second;
    const std::string before = toml_value(kept[i]), now = toml_value(wanted[i]);
    // Not their texts: those of names that are not UTF-8 may be the same.
    const bool same = std::visit(
        [&](auto* place) { return *place == *std::get<decltype(place)>(wanted[i].place); }, kept[i].place);
    if (origin == given.origins.end() || same) continue;
    if (std::ranges::count(kMayChange, name) == 0) {
      conflicts +=
          fmt::format("\n  {}: {} in the checkpoint, {} given ({})", name, before, now, origin->second);
      continue;
    }
    changes.push_back(
        fmt::format("{}: {} in the checkpoint, {} from now on ({})", name, before, now, origin->second));
    std::visit([&](auto* place) { *place = *std::get<decltype(place)>(wanted[i].place); }, kept[i].place);
    result.origins[name] = origin->second;
  }
  if (!conflicts.empty()) {
    throw ConfigError(
        "[train] a training cannot continue from {} with other settings:{}\n"
        "  leave them out, or start a new training from these weights: without --resume, with --init {} and "
        "another --output",
        checkpoint_name, conflicts, checkpoint_name);
  }
  return result;
}

}  // namespace primal
