#include "data/figure/svg_ids.h"

#include <cctype>
#include <map>

namespace primal {

std::string renumbered_svg(std::string_view svg) {
  std::map<std::string, std::string, std::less<>> names;
  std::string out;
  out.reserve(svg.size());
  while (!svg.empty()) {
    // An identifier is defined by id="NAME" and referred to by #NAME; the data of pictures have neither sign.
    const size_t at = std::min(svg.find(" id=\""), svg.find('#'));
    if (at == std::string_view::npos) break;
    const size_t begin = at + (svg[at] == '#' ? 1 : 5);
    out += svg.substr(0, begin);
    svg.remove_prefix(begin);
    size_t end = 0;
    while (end < svg.size() && (std::isalnum(static_cast<unsigned char>(svg[end])) != 0 || svg[end] == '-'))
      ++end;
    const std::string_view name = svg.substr(0, end);
    size_t stem = 0;
    while (stem < name.size() && std::isalpha(static_cast<unsigned char>(name[stem])) != 0) ++stem;
    const bool is_counted = name.starts_with("surface") || name.starts_with("image");
    if (is_counted && stem < name.size()) {
      const std::string fresh = std::string(name.substr(0, stem)) + std::to_string(names.size());
      out += names.emplace(std::string(name), fresh).first->second;
    } else {
      out += name;
    }
    svg.remove_prefix(end);
  }
  return out + std::string(svg);
}

std::string prefixed_svg(std::string_view svg, std::string_view prefix) {
  std::string out;
  out.reserve(svg.size());
  while (!svg.empty()) {
    const size_t at = std::min(svg.find(" id=\""), svg.find('#'));
    if (at == std::string_view::npos) break;
    const size_t begin = at + (svg[at] == '#' ? 1 : 5);
    out += svg.substr(0, begin);
    out += prefix;
    svg.remove_prefix(begin);
  }
  return out.append(svg);
}

}  // namespace primal
