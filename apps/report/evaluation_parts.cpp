#include "apps/report/evaluation_parts.h"

#include <cmath>
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

bool ends_with_a_line(const fs::path& file) {
  const std::vector<uint8_t> bytes = read_file(file);
  return !bytes.empty() && bytes.back() == '\n';
}

void check_scores(const fs::path& folder, const Evaluation& row) {
  std::vector<Scores> all{row.noisy, row.map, row.by_psnr, row.by_ssim};
  all.insert(all.end(), row.other_maps.begin(), row.other_maps.end());
  for (const Scores& s : all) {
    if (std::isnan(s.psnr) || !(std::abs(s.ssim) <= 1.0))
      throw DataError("[merge] {}: the scores of {} cannot be (PSNR {}, SSIM {})",
                      (folder / "evaluation.csv").string(), visible(row.name), s.psnr, s.ssim);
  }
}

}  // namespace

EvaluationParts read_evaluation_parts(const std::vector<fs::path>& folders, const nlohmann::json& settings) {
  EvaluationParts parts;
  for (const fs::path& folder : folders) {
    const nlohmann::json theirs = settings_of(folder);
    check_same(folder, theirs, settings);
    if (theirs.value("folder", nlohmann::json()) != settings.value("folder", nlohmann::json())) {
      parts.remarks.push_back(fmt::format(
          "{} scored pictures of {}; the scores are taken as those of pictures of the same names here",
          folder.string(), visible(theirs.value("folder", nlohmann::json()).dump())));
    }
    const bool is_whole = ends_with_a_line(folder / "evaluation.csv");
    EvaluationRecord part = read_evaluation_record(folder);
    if (!is_whole && !part.rows.empty()) part.rows.pop_back();
    for (const Evaluation& row : part.rows) {
      check_scores(folder, row);
      const auto [known, is_new] = parts.scores.emplace(row.name, row);
      if (!is_new && csv_row(known->second) != csv_row(row))
        throw ConfigError("[merge] {} has other scores for {} than a part before it", folder.string(),
                          visible(row.name));
    }
  }
  return parts;
}

}  // namespace primal
