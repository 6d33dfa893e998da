// Figures as results of a command: one of a name that the user gives, or several whose format
// --figure-format chooses.
#pragma once

#include <filesystem>
#include <string>

#include "data/figure/figure.h"

namespace primal {

// --figure FILE with --figure-data FILE.csv.
struct FigureFile {
  std::string figure, data;  // empty: not wanted

  bool is_wanted() const { return !figure.empty() || !data.empty(); }

  // For the start of a command, so that no work is lost. ConfigError for a name without one of the figures'
  // endings, or twice the same; IoError for a file that cannot be written or exists without `overwrite`.
  void check(bool overwrite) const;
  void write(const Figure& drawn) const;
};

// --figure-format and --figure-data of commands that draw several figures: the data lie beside each as
// NAME.csv.
struct FigureStyle {
  std::string format = "png";
  bool data = false;

  std::string ending() const { return "." + format; }
  // `file` has that ending already.
  void write(const std::filesystem::path& file, const Figure& drawn) const;
};
std::filesystem::path figure_data_file(const std::filesystem::path& figure);

}  // namespace primal
