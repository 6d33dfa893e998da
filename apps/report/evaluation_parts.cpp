#include "apps/report/evaluation_parts.h"

#include <cmath>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "apps/evaluation/report.h"
#include "apps/report/evaluation_record.h"
#include "apps/shards/part_settings.h"
#include "apps/shell/visible_text.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

// They say where files lie, not what is computed; the weights themselves are compared by their checksum.
const std::vector<std::string> kPlaces{"model", "models", "folder"};

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
    const nlohmann::json theirs = check_part_settings(folder, settings, kPlaces);
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
