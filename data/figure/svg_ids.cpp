#include "data/figure/svg_ids.h"

#include <cctype>
#include <map>

namespace primal {

namespace {

// Every identifier, defined by id="NAME" or referred to by #NAME, as `rename` has it. The data of
// pictures have neither sign.
template <class Rename>
std::string with_identifiers(std::string_view svg, const Rename& rename) {
  std::string out;
  out.reserve(svg.size());
  while (!svg.empty()) {
    const size_t at = std::min(svg.find(" id=\""), svg.find('#'));
    if (at == std::string_view::npos) break;
    const size_t begin = at + (svg[at] == '#' ? 1 : 5);
    out += svg.substr(0, begin);
    svg.remove_prefix(begin);
    size_t end = 0;
    while (end < svg.size() && (std::isalnum(static_cast<unsigned char>(svg[end])) != 0 || svg[end] == '-'))
      ++end;
    out += rename(svg.substr(0, end));
    svg.remove_prefix(end);
  }
  return out.append(svg);
}

}  // namespace

std::string renumbered_svg(std::string_view svg) {
  std::map<std::string, std::string, std::less<>> names;
  return with_identifiers(svg, [&](std::string_view name) {
    size_t stem = 0;
    while (stem < name.size() && std::isalpha(static_cast<unsigned char>(name[stem])) != 0) ++stem;
    const bool is_counted = name.starts_with("surface") || name.starts_with("image");
    if (!is_counted || stem == name.size()) return std::string(name);
    const std::string fresh = std::string(name.substr(0, stem)) + std::to_string(names.size());
    return names.emplace(std::string(name), fresh).first->second;
  });
}

std::string prefixed_svg(std::string_view svg, std::string_view prefix) {
  return with_identifiers(svg, [&](std::string_view name) { return std::string(prefix).append(name); });
}

}  // namespace primal
