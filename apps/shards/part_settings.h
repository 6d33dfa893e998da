// Settings of a result that several processes compute in parts (--shard), each part in a folder of its own.
//
// A part writes its settings to settings.json before its first row. Parts can be merged only if their
// settings are equal, apart from the places of files, which may differ between machines.
//
// Errors:  IoError for a folder without settings.json; DataError for a broken settings.json; ConfigError if
//          settings differ, with the name and both values of each.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace primal {

inline constexpr const char* kPartSettings = "settings.json";

// Returns the settings of the part in `folder`, which must equal `ours` except for those named in `places`.
nlohmann::json check_part_settings(const std::filesystem::path& folder, const nlohmann::json& ours,
                                   const std::vector<std::string>& places);

// ConfigError if the result would replace one of the parts that it is made of: a full disk would then
// lose the rows of that part.
void check_merged_elsewhere(const std::vector<std::string>& parts, const std::string& output);

// Whether the last row of a file is complete: the process of a part may have been stopped while it wrote the
// row.
bool ends_with_a_line(const std::filesystem::path& file);

}  // namespace primal
