#include "model/config_key.h"

#include <algorithm>
#include <cmath>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "tensor/error.h"

namespace primal {
namespace {

// What a key may be, for errors: "a whole number, 1 to 1024".
std::string expected_of(const ConfigKey& key) {
  if (std::holds_alternative<bool*>(key.place)) return "true or false";
  if (!key.choices.empty()) return fmt::format("one of {}", fmt::join(key.choices, ", "));
  if (std::holds_alternative<std::string*>(key.place)) return "a text";
  const char* kind = std::holds_alternative<int64_t*>(key.place) ? "a whole number" : "a number";
  return fmt::format("{}, {:g} to {:g}", kind, key.low, key.high);
}

}  // namespace

void refuse(const ConfigKey& key, const std::string& found, const std::string& where) {
  throw ConfigError("[config] {}: {} must be {}; found {}", where, key.name, expected_of(key), found);
}

void assign(const ConfigKey& key, double value, const std::string& where, const std::string& written) {
  constexpr double kAny = 1e15;  // more than any count may be
  if (std::holds_alternative<int64_t*>(key.place) && value == std::round(value) && std::abs(value) < kAny) {
    throw ConfigError("[config] {}: {} needs an integer; {} is a float: write {:.0f}", where, key.name,
                      written.empty() ? fmt::format("{:.1f}", value) : written, value);
  }
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

void assign(const ConfigKey& key, const nlohmann::json& value, const std::string& where) {
  if (value.is_boolean())
    assign(key, value.get<bool>(), where);
  else if (value.is_number_integer())
    assign(key, value.get<int64_t>(), where);
  else if (value.is_number())
    assign(key, value.get<double>(), where);
  else if (value.is_string())
    assign(key, value.get<std::string>(), where);
  else
    refuse(key, value.dump(), where);
}

nlohmann::json to_json(const std::vector<ConfigKey>& keys) {
  nlohmann::json json = nlohmann::json::object();
  for (const ConfigKey& key : keys) {
    std::visit([&](const auto* value) { json[key.name] = *value; }, key.place);
  }
  return json;
}

}  // namespace primal
