// Settings of a result that several processes compute in parts (--shard), each in a folder of its own.
//
// A part writes its settings to settings.json before its first row. Parts can be merged only if their settings are equal, apart from those
// that say where files lie, which may differ between machines.
//
// Errors:  IoError for a folder without that file; DataError for a broken one; ConfigError for other settings, naming each with both values.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace primal {

inline constexpr const char* kPartSettings = "settings.json";

// The settings of the part in `folder`, which must equal `ours` in all but the names in `places`.
nlohmann::json check_part_settings(const std::filesystem::path& folder, const nlohmann::json& ours,
                                   const std::vector<std::string>& places);

// Whether the last row of a file was written whole: the process of a part may have been stopped within it.
bool ends_with_a_line(const std::filesystem::path& file);

}  // namespace primal
