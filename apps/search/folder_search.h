// One scalar lambda for several pictures: the scores of each picture over the lambdas of a grid, and their means.
//
//   mean curve   PSNR(lambda) = (1/n) sum_i PSNR(x_i(lambda), clean_i), likewise SSIM: its best is what a single lambda achieves for all
//   own best     (1/n) sum_i max_lambda PSNR(x_i(lambda), clean_i): what a lambda chosen for each picture, with its clean one known, achieves
//
// Infinite values are left out of means (data/metrics/score_summary.h).
//
// search.csv has a row for each picture and lambda, and one without a lambda for the noisy picture, with all digits of the scores. It grows
// with each picture, so that a search that was stopped, or done in parts, can be merged into what one process would have computed.
//
// Errors of read_search_parts(): those of part_settings.h; IoError or DataError for a broken search.csv; ConfigError for a picture that two
//          parts have with different scores.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "apps/search/lambda_curve.h"

namespace primal {

struct PictureSearch {
  std::string picture;  // its file, as the command line found it, below the folder
  LambdaCurve curve;
};

struct FolderSearch {
  LambdaCurve means;
  struct OwnBest {
    ScoreSummary score, lambda;
  };
  OwnBest by_psnr, by_ssim;
  int64_t n_pictures = 0;
};
FolderSearch summarise(
    const std::vector<PictureSearch>& pictures);  // at least one, all with the same lambdas

std::string table_of(const FolderSearch& search);
nlohmann::json json_of(const FolderSearch& search);

// The files of -o DIR; none for an empty `folder`. IoError where one exists without `overwrite`, and where the disk takes no more.
class SearchFiles {
 public:
  SearchFiles(const std::string& folder, bool overwrite, const nlohmann::json& settings);

  bool any() const { return !folder_.empty(); }
  void append(const PictureSearch& picture);                // to search.csv
  void write_summary(const nlohmann::json& summary) const;  // summary.json

 private:
  std::filesystem::path folder_;
  std::ofstream csv_;
};

// The pictures in the folders of parts, by their names. A last picture without all its rows is left out: the process was stopped there.
std::map<std::string, PictureSearch> read_search_parts(const std::vector<std::filesystem::path>& folders,
                                                       const nlohmann::json& settings,
                                                       const std::vector<double>& lambdas);

}  // namespace primal
