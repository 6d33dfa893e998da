// ConfigKey: one setting under its name, with what it is for and what it may be. Tables of them serve
// configuration files, the command line, help, errors and the copy that a checkpoint keeps.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <variant>
#include <vector>

namespace primal {

struct ConfigKey {
  using Place = std::variant<int64_t*, double*, bool*, std::string*>;
  std::string name;  // "model.filters"
  Place place;
  std::string help;                  // with unit
  double low = 0.0, high = 0.0;      // numbers: inclusive range
  std::vector<std::string> choices;  // texts: the values allowed; empty: any
};

// Puts a value in its place. ConfigError that names `where` and what the key may be, for another type or a
// value out of range. `written` is the value as it stands in the text.
void assign(const ConfigKey& key, double value, const std::string& where, const std::string& written = "");
void assign(const ConfigKey& key, int64_t value, const std::string& where);
void assign(const ConfigKey& key, bool value, const std::string& where);
void assign(const ConfigKey& key, const std::string& value, const std::string& where);
void assign(const ConfigKey& key, const nlohmann::json& value, const std::string& where);

[[noreturn]] void refuse(const ConfigKey& key, const std::string& found, const std::string& where);

// {"model.filters": 32, ...}, the values as they are now.
nlohmann::json to_json(const std::vector<ConfigKey>& keys);

}  // namespace primal
