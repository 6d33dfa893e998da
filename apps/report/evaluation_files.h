// The files of `primal evaluate -o DIR`. evaluation.csv grows with each picture, so a stopped
// evaluation keeps what it has.
//
// Errors:  IoError where a file or a folder of figures exists without `overwrite`, and where the disk takes
//          no more.
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "apps/pictures/figure_file.h"
#include "data/figure/figure.h"

namespace primal {

// Figures of an evaluation lie in folders of DIR; none of them may exist.
void check_figure_folders(const std::filesystem::path& folder, bool overwrite);

class EvaluationFiles {
 public:
  // An empty folder: nothing is written. Begins evaluation.csv.
  EvaluationFiles(const std::string& folder, bool overwrite, size_t n_models);

  bool any() const { return !folder_.empty(); }
  void append(const std::string& line);  // to evaluation.csv
  void write_summary(const nlohmann::json& summary, const std::string& table) const;
  void write(const std::string& name, const std::string& text) const;
  // The file's path; `name` has no ending: "scores/boxes".
  std::string write_figure(const std::string& name, const Figure& figure, const FigureStyle& style) const;

 private:
  std::filesystem::path folder_;
  std::ofstream csv_;
};

}  // namespace primal
