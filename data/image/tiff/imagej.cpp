#include "data/image/tiff/imagej.h"

#include <algorithm>
#include <charconv>

namespace primal::codec {
namespace {

constexpr std::string_view kKey = "\nimages=";

}  // namespace

bool is_imagej_description(std::string_view description) { return description.starts_with("ImageJ="); }

int64_t imagej_images(std::string_view description) {
  const size_t at = description.find(kKey);
  if (!is_imagej_description(description) || at == std::string_view::npos) return 0;
  const std::string_view text = description.substr(at + kKey.size());
  int64_t images = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), images);
  return error == std::errc{} ? std::max<int64_t>(images, 0) : 0;
}

std::string without_imagej_images(std::string_view description) {
  std::string text(description);
  if (!is_imagej_description(description)) return text;
  for (size_t at = text.find(kKey); at != std::string::npos; at = text.find(kKey))
    text.erase(at, std::min(text.find('\n', at + 1), text.size()) - at);
  return text;
}

}  // namespace primal::codec
