#include "apps/shards/part_settings.h"

#include <algorithm>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "apps/shell/visible_text.h"
#include "data/file/file.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxSettingsBytes = uint64_t{1} << 20;

nlohmann::json settings_of(const fs::path& folder) {
  const fs::path file = folder / kPartSettings;
  const std::vector<uint8_t> bytes = read_file(file, kMaxSettingsBytes);
  nlohmann::json json = nlohmann::json::parse(bytes.begin(), bytes.end(), nullptr, false);
  if (!json.is_object())
    throw DataError("[merge] {} is broken (no JSON object): compute that part again", file.string());
  return json;
}

}  // namespace

nlohmann::json check_part_settings(const fs::path& folder, const nlohmann::json& ours,
                                   const std::vector<std::string>& places) {
  const nlohmann::json theirs = settings_of(folder);
  std::string differences;
  for (const auto& [name, value] : ours.items()) {
    if (std::ranges::find(places, name) != places.end()) continue;
    const auto found = theirs.find(name);
    const std::string text = found == theirs.end() ? "nothing" : visible(found->dump());
    if (found == theirs.end() || *found != value)
      differences += fmt::format("\n  {}: {} there, {} here", name, text, visible(value.dump()));
  }
  if (!differences.empty())
    throw ConfigError("[merge] {} was computed with other settings:{}", folder.string(), differences);
  return theirs;
}

void check_merged_elsewhere(const std::vector<std::string>& parts, const std::string& output) {
  const auto place = [](const std::string& folder) {
    std::error_code error;
    return fs::weakly_canonical(folder, error);
  };
  for (const std::string& part : parts) {
    if (!output.empty() && place(part) == place(output))
      throw ConfigError("[merge] --merge and -o are both {}: give another folder for the result", output);
  }
}

bool ends_with_a_line(const fs::path& file) {
  const std::vector<uint8_t> bytes = read_file(file);
  return !bytes.empty() && bytes.back() == '\n';
}

}  // namespace primal
