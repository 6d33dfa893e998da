#include "apps/search/folder_search.h"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <limits>
#include <nlohmann/json.hpp>

#include "apps/pictures/text_file.h"
#include "apps/shards/part_settings.h"
#include "apps/shell/counted.h"
#include "apps/shell/json_text.h"
#include "apps/shell/visible_text.h"
#include "data/table/table.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRows = "search.csv";
constexpr const char* kHeader = "picture,lambda,psnr_db,ssim\n";

const std::vector<std::string> kPlaces{"pictures", "clean"};

std::string rows_of(const PictureSearch& search) {
  const std::string name = csv_field(search.picture);
  const auto row = [&](const std::string& lambda, const Scores& s) {
    return fmt::format("{},{},{},{}\n", name, lambda, csv_number(s.psnr), csv_number(s.ssim));
  };
  std::string text = row("", search.curve.noisy);
  for (size_t i = 0; i < search.curve.lambdas.size(); ++i)
    text += row(fmt::format("{}", search.curve.lambdas[i]), search.curve.scores[i]);
  return text;
}

double number_of(const Table& table, size_t row, const char* column) {
  const size_t j = table.column(column);
  const std::string& text = table.text(row, j);
  const std::optional<double> value = number_in_csv(text);
  if (!value)
    throw DataError("[merge] {}: expected a number, found '{}'", table.where(row, j), visible(text));
  return *value;
}

Scores scores_in(const Table& table, size_t row) {
  const Scores s{number_of(table, row, "psnr_db"), number_of(table, row, "ssim")};
  if (std::isnan(s.psnr) || !(std::abs(s.ssim) <= 1.0))
    throw DataError("[merge] {}: these scores are impossible (PSNR {}, SSIM {})", table.where(row), s.psnr,
                    s.ssim);
  return s;
}

// The picture whose rows begin here: one for the noisy picture and one for each lambda.
PictureSearch picture_at(const Table& table, size_t row, const std::vector<double>& lambdas) {
  const std::string& name = table.text(row, table.column("picture"));
  const Scores noisy = scores_in(table, row);
  std::vector<Scores> scores;
  for (size_t i = 0; i < lambdas.size(); ++i) {
    const size_t at = row + 1 + i;
    const double lambda = number_of(table, at, "lambda");
    if (table.text(at, table.column("picture")) != name || lambda != lambdas[i])
      throw DataError("[merge] {}: expected the scores of {} at lambda {}", table.where(at), visible(name),
                      lambdas[i]);
    scores.push_back(scores_in(table, at));
  }
  return {name, lambda_curve(lambdas, noisy, std::move(scores))};
}

bool all_finite(const LambdaCurve& curve, double Scores::*score) {
  return std::ranges::all_of(curve.scores, [&](const Scores& s) { return std::isfinite(s.*score); });
}

FolderSearch::OwnBest own_best(const std::vector<PictureSearch>& pictures, size_t LambdaCurve::*best,
                               double Scores::*score) {
  std::vector<double> values, lambdas;
  for (const auto& [name, curve] : pictures) {
    if (!all_finite(curve, score)) continue;
    values.push_back(curve.scores[curve.*best].*score);
    lambdas.push_back(curve.lambdas[curve.*best]);
  }
  return {summarise_scores(values), summarise_scores(lambdas)};
}

}  // namespace

FolderSearch summarise(const std::vector<PictureSearch>& pictures) {
  const std::vector<double>& lambdas = pictures.front().curve.lambdas;
  ScoreColumns noisy;
  std::vector<ScoreColumns> columns(lambdas.size());
  int64_t n_infinite = 0;
  const double left_out = std::numeric_limits<double>::quiet_NaN();  // of means
  for (const auto& [name, curve] : pictures) {
    const bool counts = all_finite(curve, &Scores::psnr);
    n_infinite += counts ? 0 : 1;
    noisy.add({counts ? curve.noisy.psnr : left_out, curve.noisy.ssim});
    for (size_t i = 0; i < lambdas.size(); ++i)
      columns[i].add({counts ? curve.scores[i].psnr : left_out, curve.scores[i].ssim});
  }
  std::vector<Scores> means;
  for (const ScoreColumns& column : columns) means.push_back(column.mean());
  return {.means = lambda_curve(lambdas, noisy.mean(), std::move(means)),
          .by_psnr = own_best(pictures, &LambdaCurve::by_psnr, &Scores::psnr),
          .by_ssim = own_best(pictures, &LambdaCurve::by_ssim, &Scores::ssim),
          .n_pictures = std::ssize(pictures),
          .n_infinite = n_infinite};
}

std::string table_of(const FolderSearch& search) {
  const auto own = [](const FolderSearch::OwnBest& best, int digits, const char* unit) {
    return fmt::format("{}{}, lambda {} +- {}", score_text(best.score.mean, digits), unit,
                       score_text(best.lambda.mean, 3), score_text(best.lambda.deviation, 3));
  };
  return table_of(search.means) +
         fmt::format("\nmeans over {}; with the best lambda of each picture:\n  PSNR {}\n  SSIM {}\n",
                     counted(search.n_pictures, "picture"), own(search.by_psnr, 3, " dB"),
                     own(search.by_ssim, 4, ""));
}

nlohmann::json json_of(const FolderSearch& search) {
  nlohmann::json json = json_of(search.means);
  json["n_pictures"] = search.n_pictures;
  json["n_infinite_psnr"] = search.n_infinite;
  for (const auto& [key, best] : {std::pair{"psnr", search.by_psnr}, std::pair{"ssim", search.by_ssim}}) {
    json["own_best"][key] = {{"mean", best.score.mean},
                             {"deviation", best.score.deviation},
                             {"lambda", {{"mean", best.lambda.mean}, {"deviation", best.lambda.deviation}}}};
  }
  return json;
}

bool is_search_file(const fs::path& file) {
  return file.filename() == kRows || file.filename() == kPartSettings || file.filename() == "summary.json";
}

SearchFiles::SearchFiles(const std::string& folder, bool overwrite, const nlohmann::json& settings)
    : folder_(folder) {
  if (folder.empty()) return;
  for (const char* name : {kRows, kPartSettings, "summary.json"})
    check_result_file(folder_ / name, overwrite);
  csv_ = begin_table(folder_ / kRows,
                     kHeader);  // first, so that rows never lie beside settings that are not theirs
  std::error_code error;
  fs::remove(folder_ / "summary.json", error);  // of an earlier search
  write_text(folder_ / kPartSettings, json_text(settings, 2) + "\n");
}

void SearchFiles::append(const PictureSearch& picture) {
  if (!any()) return;
  csv_ << rows_of(picture) << std::flush;
  if (!csv_) {
    throw IoError("[search] cannot write {}: the disk may be full; the rows written before are kept",
                  (folder_ / kRows).string());
  }
}

void SearchFiles::write_summary(const nlohmann::json& summary) const {
  if (any()) write_text(folder_ / "summary.json", json_text(summary, 2) + "\n");
}

std::map<std::string, PictureSearch> read_search_parts(const std::vector<fs::path>& folders,
                                                       const nlohmann::json& settings,
                                                       const std::vector<double>& lambdas) {
  std::map<std::string, PictureSearch> pictures;
  for (const fs::path& folder : folders) {
    check_part_settings(folder, settings, kPlaces);
    const fs::path file = folder / kRows;
    std::vector<uint8_t> bytes = read_file(file, kMaxTableBytes);
    while (!bytes.empty() && bytes.back() != '\n') bytes.pop_back();
    const Table table = parse_table(bytes, file.string());
    const size_t n_rows = lambdas.size() + 1;
    for (size_t row = 0; row + n_rows <= table.rows.size(); row += n_rows) {
      const PictureSearch picture = picture_at(table, row, lambdas);
      const auto [known, is_new] = pictures.emplace(picture.picture, picture);
      if (!is_new && rows_of(known->second) != rows_of(picture))
        throw ConfigError("[merge] {} has other scores for {} than a part before it", folder.string(),
                          visible(picture.picture));
    }
  }
  return pictures;
}

}  // namespace primal
