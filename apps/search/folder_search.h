// One scalar lambda for several pictures: the scores of each picture over the lambdas of a grid, and their
// means.
//
//   mean curve   PSNR(lambda) = (1/n) sum_i PSNR(x_i(lambda), clean_i), likewise SSIM. Its maximum is what
//                one lambda for all achieves.
//   own best     (1/n) sum_i max_lambda PSNR(x_i(lambda), clean_i): what the best lambda of each picture
//                achieves, if its clean picture is known.
//
// A picture whose PSNR is infinite for some lambda is left out of all means of PSNR, so that every row is
// about the same pictures.
//
// search.csv has a row for each picture and lambda, and a row without a lambda for the noisy picture, with
// all digits of the scores. It grows with each picture. So the results of a search that was stopped, or of
// parts, can be merged into what one process would have computed.
//
// Errors of read_search_parts(): those of part_settings.h; IoError or DataError for a broken search.csv;
//          ConfigError if two parts have different scores for the same picture.
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
  std::string picture;  // the path of its file below the folder
  LambdaCurve curve;
};

struct FolderSearch {
  LambdaCurve means;
  struct OwnBest {
    ScoreSummary score, lambda;
  };
  OwnBest by_psnr, by_ssim;
  int64_t n_pictures = 0;
  int64_t n_infinite = 0;  // pictures with an infinite PSNR, which are left out of its means
};
FolderSearch summarise(
    const std::vector<PictureSearch>& pictures);  // at least one, all with the same lambdas

std::string table_of(const FolderSearch& search);
nlohmann::json json_of(const FolderSearch& search);

bool is_search_file(
    const std::filesystem::path& file);  // whether it has the name of one of the files of -o DIR

// The files of -o DIR, or none if `folder` is empty. Throws IoError if a file exists and `overwrite` is
// false, or if the disk is full.
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

// The pictures in the folders of parts, by their names. The last picture is left out if rows are missing: the
// process was stopped there.
std::map<std::string, PictureSearch> read_search_parts(const std::vector<std::filesystem::path>& folders,
                                                       const nlohmann::json& settings,
                                                       const std::vector<double>& lambdas);

}  // namespace primal
