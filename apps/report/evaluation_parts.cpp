#include "apps/report/evaluation_parts.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "apps/evaluation/report.h"
#include "apps/report/evaluation_record.h"
#include "apps/shell/visible_text.h"
#include "data/file/file.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxSettingsBytes = uint64_t{1} << 20;

// They say where files lie, not what is computed; the weights themselves are compared by their checksum.
constexpr const char* kPlaces[] = {"model", "models", "folder"};

nlohmann::json settings_of(const fs::path& folder) {
  const fs::path file = folder / kEvaluationSettings;
  const std::vector<uint8_t> bytes = read_file(file, kMaxSettingsBytes);
  nlohmann::json json = nlohmann::json::parse(bytes.begin(), bytes.end(), nullptr, false);
  if (!json.is_object())
    throw DataError("[merge] {} is broken (no JSON object): evaluate that part again", file.string());
  return json;
}

void check_same(const fs::path& folder, nlohmann::json theirs, nlohmann::json ours) {
  for (const char* name : kPlaces) {
    theirs.erase(name);
    ours.erase(name);
  }
  std::string differences;
  for (const auto& [name, value] : ours.items()) {
    const auto found = theirs.find(name);
    const std::string text = found == theirs.end() ? "nothing" : visible(found->dump());
    if (found == theirs.end() || *found != value)
      differences += fmt::format("\n  {}: {} there, {} here", name, text, visible(value.dump()));
  }
  if (!differences.empty())
    throw ConfigError("[merge] {} was evaluated with other settings:{}", folder.string(), differences);
}

}  // namespace

std::map<std::string, Evaluation> read_evaluation_parts(const std::vector<fs::path>& folders,
                                                        const nlohmann::json& settings) {
  std::map<std::string, Evaluation> scores;
  for (const fs::path& folder : folders) {
    check_same(folder, settings_of(folder), settings);
    const EvaluationRecord part = read_evaluation_record(folder);
    if (part.rows.empty())
      throw DataError("[merge] {} has no scores of pictures in evaluation.csv", folder.string());
    for (const Evaluation& row : part.rows) {
      const auto [known, is_new] = scores.emplace(row.name, row);
      if (!is_new && csv_row(known->second) != csv_row(row))
        throw ConfigError("[merge] {} has other scores for {} than a part before it", folder.string(),
                          visible(row.name));
    }
  }
  return scores;
}

}  // namespace primal
