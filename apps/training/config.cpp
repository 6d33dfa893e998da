#include "apps/training/config.h"

#include <algorithm>
#include <fmt/ranges.h>
#include <fstream>
#include <iterator>
#include <toml++/toml.h>

#include "apps/json_text.h"
#include "apps/nearest_name.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr double kAny = 1e15;          // more than any count here may be
constexpr double kMostPictures = 1e7;  // their names are held in memory

const ConfigKey& find_key(const std::vector<ConfigKey>& keys, const std::string& name,
                          const std::string& where) {
  const auto found = std::ranges::find(keys, name, &ConfigKey::name);
  if (found != keys.end()) return *found;
  std::vector<std::string> names;
  for (const ConfigKey& key : keys) names.push_back(key.name);
  const std::string meant = name_meant(names, name);
  if (meant.empty())
    throw ConfigError("[config] {}: unknown key '{}'; `primal train --help` lists them", where, name);
  throw ConfigError("[config] {}: unknown key '{}'; did you mean '{}'?", where, name, meant);
}

// What a key may be, for errors: "a whole number, 1 to 1024".
std::string expected_of(const ConfigKey& key) {
  if (std::holds_alternative<bool*>(key.place)) return "true or false";
  if (!key.choices.empty()) return fmt::format("one of {}", fmt::join(key.choices, ", "));
  if (std::holds_alternative<std::string*>(key.place)) return "a text";
  const char* kind = std::holds_alternative<int64_t*>(key.place) ? "a whole number" : "a number";
  return fmt::format("{}, {:g} to {:g}", kind, key.low, key.high);
}

[[noreturn]] void refuse(const ConfigKey& key, const std::string& found, const std::string& where) {
  throw ConfigError("[config] {}: {} must be {}; found {}", where, key.name, expected_of(key), found);
}

void assign(const ConfigKey& key, double value, const std::string& where) {
  double* const* real = std::get_if<double*>(&key.place);
  if (real == nullptr || !(value >= key.low && value <= key.high))
    refuse(key, fmt::format("{:g}", value), where);
  **real = value;
}

void assign(const ConfigKey& key, int64_t value, const std::string& where) {
  int64_t* const* integer = std::get_if<int64_t*>(&key.place);
  if (integer == nullptr && std::holds_alternative<double*>(key.place)) {
    return assign(key, static_cast<double>(value), where);
  }
  const auto real = static_cast<double>(value);
  if (integer == nullptr || !(real >= key.low && real <= key.high))
    refuse(key, fmt::format("{}", value), where);
  **integer = value;
}

void assign(const ConfigKey& key, bool value, const std::string& where) {
  bool* const* flag = std::get_if<bool*>(&key.place);
  if (flag == nullptr) refuse(key, value ? "true" : "false", where);
  **flag = value;
}

void assign(const ConfigKey& key, const std::string& value, const std::string& where) {
  std::string* const* text = std::get_if<std::string*>(&key.place);
  const bool allowed = key.choices.empty() || std::ranges::count(key.choices, value) > 0;
  if (text == nullptr || !allowed) refuse(key, fmt::format("'{}'", value), where);
  **text = value;
}

void assign(const std::vector<ConfigKey>& keys, const std::string& name, const toml::node& node,
            const std::string& where) {
  const ConfigKey& key = find_key(keys, name, where);
  if (const auto* integer = node.as_integer())
    assign(key, integer->get(), where);
  else if (const auto* real = node.as_floating_point())
    assign(key, real->get(), where);
  else if (const auto* flag = node.as_boolean())
    assign(key, flag->get(), where);
  else if (const auto* text = node.as_string())
    assign(key, text->get(), where);
  else
    refuse(key, "a value of another kind", where);
}

void read_table(const std::vector<ConfigKey>& keys, const toml::table& table, const std::string& prefix,
                const std::string& file, Origins* origins) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    const toml::source_position at = node.source().begin;
    if (const toml::table* inner = node.as_table()) {
      read_table(keys, *inner, name + ".", file, origins);
      continue;
    }
    assign(keys, name, node, fmt::format("{}:{}:{}", file, at.line, at.column));
    if (origins != nullptr) (*origins)[name] = fmt::format("{}:{}", file, at.line);
  }
}

toml::table parse_toml(const std::string& text, const std::string& name) {
  try {
    return toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    const toml::source_position at = error.source().begin;
    throw ConfigError("[config] {}:{}:{}: {}", name, at.line, at.column, error.description());
  }
}

}  // namespace

std::vector<ConfigKey> config_keys(TrainConfig& c) {
  return {
      {"seed", &c.seed, "of initial weights, order and noise", 0, kAny, {}},
      {"output", &c.output, "folder for checkpoints and metrics", 0, 0, {}},
      {"data.folder", &c.data.folder, "pictures: flat, or train/val/test; empty: phantoms", 0, 0, {}},
      {"data.size", &c.data.size, "side of the training pictures, pixels", 8, 4096, {}},
      {"data.n_train", &c.data.n_train, "training pictures, in name order; 0: all", 0, kMostPictures, {}},
      {"data.n_validation",
       &c.data.n_validation,
       "validation pictures; 0: all, of a flat folder a tenth",
       0,
       kMostPictures,
       {}},
      {"noise.kind",
       &c.noise.kind,
       "relative to the picture's deviation, or absolute and clipped",
       0,
       0,
       {"relative", "absolute"}},
      {"noise.low", &c.noise.low, "smallest standard deviation in training", 0, 10, {}},
      {"noise.high", &c.noise.high, "largest standard deviation in training", 0, 10, {}},
      {"noise.validation", &c.noise.validation, "standard deviation in validation", 0, 10, {}},
      {"model.filters", &c.model.filters, "channels of the first level", 1, 1024, {}},
      {"model.blocks", &c.model.blocks, "levels below the first", 0, 8, {}},
      {"model.iterations", &c.model.iterations, "T, iterations of PDHG", 0, 100000, {}},
      {"model.up_bound", &c.model.up_bound, "Lambda = up_bound sigmoid(.) where above 0", 0, 100, {}},
      {"model.scale", &c.model.scale, "Lambda = scale softplus(.) where up_bound is 0", 1e-9, 100, {}},
      {"model.start", &c.model.start, "where the dual variable p starts", 0, 0, {"noisy", "zero"}},
      {"model.learn_steps", &c.model.learn_steps, "learn sigma, tau and theta too", 0, 0, {}},
      {"training.epochs", &c.training.epochs, "passes over the training pictures", 1, kAny, {}},
      {"training.steps", &c.training.steps, "stop after so many steps; 0: epochs decide", 0, kAny, {}},
      {"training.batch", &c.training.batch, "pictures per step", 1, 4096, {}},
      {"training.learning_rate", &c.training.learning_rate, "of Adam", 0, 10, {}},
      {"training.final_learning_rate",
       &c.training.final_learning_rate,
       "cosine decay to it over the run; 0: constant",
       0,
       10,
       {}},
      {"training.patience",
       &c.training.patience,
       "stop after so many validations without a better one; 0: never",
       0,
       kAny,
       {}},
      {"training.min_delta", &c.training.min_delta, "gain that counts as better, dB", 0, 100, {}},
      {"training.checkpoint_seconds",
       &c.training.checkpoint_seconds,
       "at most so long between checkpoints",
       1,
       86400,
       {}},
      {"training.keep", &c.training.keep, "numbered checkpoints kept, one an epoch; 0: none", 0, kAny, {}},
      {"training.prefetch", &c.training.prefetch, "pictures decoded ahead; 0: none", 0, 1024, {}},
      {"training.overfit", &c.training.overfit, "use only the first so many pictures; 0: all", 0, kAny, {}},
      {"training.init", &c.training.init, "file of weights to start from; empty: fresh ones", 0, 0, {}},
  };
}

void read_config(TrainConfig& config, const std::filesystem::path& file, Origins* origins) {
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) {
    throw IoError("[config] {} is a folder, expected a TOML file", file.string());
  }
  std::ifstream stream(file);
  if (!stream) throw IoError("[config] {} cannot be opened", file.string());
  const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  read_config_text(config, text, file.string(), origins);
}

void read_config_text(TrainConfig& config, const std::string& text, const std::string& name,
                      Origins* origins) {
  read_table(config_keys(config), parse_toml(text, name), "", name, origins);
}

void set_config(TrainConfig& config, const std::string& assignment, const std::string& where,
                Origins* origins) {
  const size_t equals = assignment.find('=');
  if (equals == std::string::npos) {
    throw ConfigError("[config] {}: expects KEY=VALUE, found '{}'", where, assignment);
  }
  const std::string name = assignment.substr(0, equals), value = assignment.substr(equals + 1);
  const std::vector<ConfigKey> keys = config_keys(config);
  const ConfigKey& key = find_key(keys, name, where);
  if (std::holds_alternative<std::string*>(key.place)) {
    assign(key, value, where);
  } else {
    // Exactly one value of TOML: not 'four', and not 'true\nother = 1'.
    toml::table table;
    try {
      table = toml::parse("value = " + value, where);
    } catch (const toml::parse_error&) {
      refuse(key, fmt::format("'{}'", value), where);
    }
    if (table.size() != 1) refuse(key, fmt::format("'{}'", value), where);
    assign(keys, name, *table.get("value"), where);
  }
  if (origins != nullptr) (*origins)[name] = where;
}

std::string toml_value(const ConfigKey& key) {
  if (const auto* text = std::get_if<std::string*>(&key.place)) return json_text(nlohmann::json(**text));
  std::string number = std::visit([](const auto* value) { return fmt::format("{}", *value); }, key.place);
  const bool real = std::holds_alternative<double*>(key.place);
  if (real && number.find_first_of(".e") == std::string::npos) number += ".0";
  return number;
}

nlohmann::json config_to_json(const TrainConfig& config) {
  TrainConfig copy = config;
  nlohmann::json json;
  for (const ConfigKey& key : config_keys(copy)) {
    std::visit([&](const auto* value) { json[key.name] = *value; }, key.place);
  }
  return json;
}

TrainConfig config_from_json(const nlohmann::json& json) {
  if (!json.is_object()) throw DataError("[config] the checkpoint's configuration is no JSON object");
  TrainConfig config;
  const std::vector<ConfigKey> keys = config_keys(config);
  for (const auto& [name, value] : json.items()) {
    const ConfigKey& key = find_key(keys, name, "checkpoint");
    if (value.is_boolean())
      assign(key, value.get<bool>(), "checkpoint");
    else if (value.is_number_integer())
      assign(key, value.get<int64_t>(), "checkpoint");
    else if (value.is_number())
      assign(key, value.get<double>(), "checkpoint");
    else if (value.is_string())
      assign(key, value.get<std::string>(), "checkpoint");
    else
      throw DataError("[config] checkpoint: {} has a value of no known kind: {}", name, value.dump());
  }
  return config;
}

}  // namespace primal
