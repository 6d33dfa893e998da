#include "apps/inspection/settings_difference.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/training/config.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr size_t kWidest = 40;  // a value in the table

std::string shortened(const std::string& value) {
  return value.size() <= kWidest ? value : fmt::format("...{}", value.substr(value.size() - kWidest + 3));
}

}  // namespace

SettingsDifference settings_difference(const std::vector<std::filesystem::path>& folders) {
  SettingsDifference difference;
  std::vector<std::optional<TrainConfig>> configs;
  for (const std::filesystem::path& folder : folders) {
    TrainConfig config;
    try {
      read_config(config, folder / "config.toml");
      configs.emplace_back(config);
    } catch (const Error& error) {
      configs.emplace_back();
      difference.remarks.push_back(
          fmt::format("the settings of {} are not known: {}", folder.string(), error.what()));
    }
  }
  TrainConfig defaults;
  const std::vector<ConfigKey> keys = config_keys(defaults);
  for (size_t k = 0; k < keys.size(); ++k) {
    if (keys[k].name == "output") continue;
    SettingsDifference::Row row{keys[k].name, {}};
    for (std::optional<TrainConfig>& config : configs)
      row.values.push_back(config ? toml_value(config_keys(*config)[k]) : "-");
    std::vector<std::string> known = row.values;
    std::erase(known, "-");
    const bool differs =
        std::ranges::any_of(known, [&](const std::string& value) { return value != known.front(); });
    if (differs) difference.rows.push_back(row);
  }
  return difference;
}

std::string settings_table(const SettingsDifference& difference, const std::vector<std::string>& names) {
  if (difference.rows.empty()) return "no setting differs\n";
  std::vector<size_t> widths{std::string("setting that differs").size()};
  for (const SettingsDifference::Row& row : difference.rows) widths[0] = std::max(widths[0], row.key.size());
  for (size_t i = 0; i < names.size(); ++i) {
    widths.push_back(shortened(names[i]).size());
    for (const SettingsDifference::Row& row : difference.rows)
      widths.back() = std::max(widths.back(), shortened(row.values[i]).size());
  }
  std::string text = fmt::format("{:<{}}", "setting that differs", widths[0]);
  for (size_t i = 0; i < names.size(); ++i)
    text += fmt::format("  {:>{}}", shortened(names[i]), widths[i + 1]);
  text += "\n";
  for (const SettingsDifference::Row& row : difference.rows) {
    text += fmt::format("{:<{}}", row.key, widths[0]);
    for (size_t i = 0; i < names.size(); ++i)
      text += fmt::format("  {:>{}}", shortened(row.values[i]), widths[i + 1]);
    text += "\n";
  }
  return text;
}

nlohmann::json to_json(const SettingsDifference& difference) {
  nlohmann::json json = nlohmann::json::object();
  for (const SettingsDifference::Row& row : difference.rows) json[row.key] = row.values;
  return json;
}

}  // namespace primal
