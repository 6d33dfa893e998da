#include "apps/training/config.h"

#include <algorithm>
#include <fmt/core.h>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <toml++/toml.h>

#include "apps/shell/is_folder.h"
#include "apps/shell/json_text.h"
#include "data/file/file.h"
#include "data/file/kind.h"
#include "tensor/error.h"
#include "tensor/nearest_name.h"

namespace primal {
namespace {

constexpr uint64_t kMaxConfigBytes = uint64_t{1} << 18;

// DataError for bytes that no text has, with what they are.
void check_text(std::span<const uint8_t> start, const std::string& name) {
  const auto is_control = [](uint8_t c) { return c < 0x20 && c != '\t' && c != '\n' && c != '\r'; };
  if (std::ranges::none_of(start, is_control)) return;
  const std::optional<FileKind> kind = kind_of(start, name);
  throw DataError("[config] {} is {}, expected TOML text", name, kind ? kind->name : "not text");
}

const ConfigKey& find_key(const std::vector<ConfigKey>& keys, const std::string& name,
                          const std::string& where) {
  const auto found = std::ranges::find(keys, name, &ConfigKey::name);
  if (found != keys.end()) return *found;
  std::vector<std::string> names;
  for (const ConfigKey& key : keys) names.push_back(key.name);
  const std::string meant = name_meant(names, name);
  if (meant.empty())
    throw ConfigError("[config] {}: unknown key '{}'; `primal train --help` lists all keys", where, name);
  throw ConfigError("[config] {}: unknown key '{}'; did you mean '{}'?", where, name, meant);
}

// `written` is the value as it stands in the text.
void assign(const ConfigKey& key, const toml::node& node, const std::string& where,
            const std::string& written) {
  if (const auto* integer = node.as_integer())
    assign(key, integer->get(), where);
  else if (const auto* real = node.as_floating_point())
    assign(key, real->get(), where, written);
  else if (const auto* flag = node.as_boolean())
    assign(key, flag->get(), where);
  else if (const auto* text = node.as_string())
    assign(key, text->get(), where);
  else
    refuse(key, "a value of another kind", where);
}

std::string place_in(const std::string& file, const toml::source_position& at) {
  return fmt::format("{}:{}:{}", file, at.line, at.column);
}

// The text of a value that lies in one line.
std::string written_at(const std::string& text, const toml::source_region& region) {
  if (region.begin.line == 0 || region.begin.line != region.end.line ||
      region.end.column <= region.begin.column)
    return "";
  size_t start = 0;
  for (auto line = region.begin.line; line > 1 && start != std::string::npos; --line)
    start = text.find('\n', start) + 1;
  const std::string line = text.substr(start, text.find('\n', start) - start);
  const size_t first = region.begin.column - 1;
  return first < line.size() ? line.substr(first, region.end.column - region.begin.column) : "";
}

// A wrong key is shown where the key stands, a wrong value where the value does.
void read_table(const std::vector<ConfigKey>& keys, const toml::table& table, const std::string& prefix,
                const std::string& file, const std::string& text, Origins* origins) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    const toml::source_position at = node.source().begin;
    if (const toml::table* inner = node.as_table()) {
      read_table(keys, *inner, name + ".", file, text, origins);
      continue;
    }
    const ConfigKey& found = find_key(keys, name, place_in(file, key.source().begin));
    assign(found, node, place_in(file, at), written_at(text, node.source()));
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

void read_config(TrainConfig& config, const std::filesystem::path& file, Origins* origins) {
  if (is_folder(file)) {
    throw IoError("[config] {} is a folder, expected a TOML file", file.string());
  }
  const std::string name = file.string();
  const std::vector<uint8_t> bytes =
      read_file(file, kMaxConfigBytes, [&](std::span<const uint8_t> start) { check_text(start, name); });
  read_config_text(config, std::string(bytes.begin(), bytes.end()), name, origins);
}

void read_config_text(TrainConfig& config, const std::string& text, const std::string& name,
                      Origins* origins) {
  read_table(config_keys(config), parse_toml(text, name), "", name, text, origins);
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
    assign(key, *table.get("value"), where, value);
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
  return to_json(task_keys(copy));
}

TrainConfig config_from_json(const nlohmann::json& json) {
  if (!json.is_object()) throw DataError("[config] the checkpoint's configuration is not a JSON object");
  TrainConfig config;
  const std::vector<ConfigKey> keys = config_keys(config);
  for (const auto& [name, value] : json.items())
    assign(find_key(keys, name, "checkpoint"), value, "checkpoint");
  return config;
}

}  // namespace primal
