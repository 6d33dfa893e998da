// JSON of foreign origin, before it is parsed.
#pragma once

#include <cstddef>
#include <string_view>

namespace primal {

// Whether lists and objects lie in one another deeper than that. Asked before a text of foreign origin is
// parsed: dump() calls itself once a level.
inline bool is_nested_deeper(std::string_view text, int levels) {
  int depth = 0;
  bool in_text = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_text) {
      if (c == '\\') ++i;
      in_text = c != '"';
    } else if (c == '"') {
      in_text = true;
    } else if (c == '{' || c == '[') {
      if (++depth > levels) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}
inline constexpr int kMaxJsonLevels = 64;

}  // namespace primal
