#include "apps/shards/part_settings.h"

#include <algorithm>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "apps/shell/visible_text.h"
#include "apps/tensorboard/crc32c.h"
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

std::string digest_of(const std::string& text) { return fmt::format("{:08x}", crc32c(text)); }

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

bool ends_with_a_line(const fs::path& file) {
  const std::vector<uint8_t> bytes = read_file(file);
  return !bytes.empty() && bytes.back() == '\n';
}

}  // namespace primal
