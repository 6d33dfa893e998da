#include "apps/pictures/result_format.h"

#include <optional>
#include <vector>

#include "apps/shell/is_folder.h"
#include "data/formats/formats.h"
#include "tensor/error.h"

namespace primal {

void check_result_format(const std::string& format, const std::string& output) {
  std::vector<PictureFormat> wanted;  // by --format, by the name
  if (!format.empty()) wanted.push_back(parse_picture_format(format));
  if (const auto named = format_of_name(output); named.has_value() && !is_folder(output))
    wanted.push_back(*named);
  if (wanted.size() == 2 && wanted.front() != wanted.back())
    throw ConfigError("[denoise] --format {} and -o {} name different formats: give one of them", format,
                      output);
  for (const PictureFormat one : wanted) {
    if (is_written(one)) check_library(one, "");
  }
}

std::string result_ending(const std::string& format, const ResultPlace& place, PictureInput& input) {
  if (place.is_file()) return place.ending();
  if (!format.empty()) return ending_of(parse_picture_format(format));
  const std::optional<PictureFormat> source = format_of(input);
  return ending_of(source ? result_format(*source) : PictureFormat::png);
}

}  // namespace primal
