// What differs in the settings of several training runs, from the config.toml of their folders.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace primal {

struct SettingsDifference {
  struct Row {
    std::string key;                  // "training.learning_rate"
    std::vector<std::string> values;  // of each run as TOML writes it; "-" where the run does not say
  };
  std::vector<Row> rows;
  std::vector<std::string> remarks;  // why a run does not say
};

// The place of a run (its output folder) does not count. A folder whose config.toml is missing or broken gets
// a remark.
SettingsDifference settings_difference(const std::vector<std::filesystem::path>& folders);

std::string settings_table(const SettingsDifference& difference, const std::vector<std::string>& names);
nlohmann::json to_json(const SettingsDifference& difference);

}  // namespace primal
