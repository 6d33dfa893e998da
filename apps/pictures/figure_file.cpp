#include "apps/pictures/figure_file.h"

#include "apps/pictures/text_file.h"
#include "tensor/error.h"

namespace primal {

void FigureFile::check(bool overwrite) const {
  const auto place = [](const std::string& file) {
    std::error_code error;
    return std::filesystem::weakly_canonical(file, error);
  };
  if (!figure.empty()) figure_format(figure);
  if (!figure.empty() && !data.empty() && place(figure) == place(data))
    throw ConfigError("[output] the figure and its data are both {}: give two files", figure);
  for (const std::string& file : {figure, data}) {
    if (!file.empty()) check_result_file(file, overwrite);
  }
}

void FigureFile::write(const Figure& drawn) const {
  if (!figure.empty()) write_figure(figure, drawn);
  if (!data.empty()) write_text(data, figure_csv(drawn));
}

void FigureStyle::write(const std::filesystem::path& file, const Figure& drawn) const {
  write_figure(file, drawn);
  if (data) write_text(figure_data_file(file), figure_csv(drawn));
}

std::filesystem::path figure_data_file(const std::filesystem::path& figure) {
  return std::filesystem::path(figure).replace_extension(".csv");
}

}  // namespace primal
