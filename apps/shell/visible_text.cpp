#include "apps/shell/visible_text.h"

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>

namespace primal {
namespace {

struct Character {
  uint32_t code = 0;
  size_t bytes = 1;
  bool is_utf8 = false;
};

// The first character of a text that is not empty. Overlong forms, surrogates and what lies
// beyond U+10FFFF are no UTF-8.
Character first_character(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const size_t n = lead >= 0xf0 && lead <= 0xf4   ? 4
                   : lead >= 0xe0 && lead <= 0xef ? 3
                   : lead >= 0xc2 && lead <= 0xdf ? 2
                                                  : 0;
  if (n == 0 || text.size() < n) return {};
  uint32_t code = lead & (0xffu >> (n + 1));
  for (size_t i = 1; i < n; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3fu);
  }
  constexpr uint32_t kSmallest[5] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kSmallest[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
  return {code, n, true};
}

// Unicode's bidirectional marks, embeddings, overrides and isolates, and its line and paragraph separators.
bool is_direction_or_line(uint32_t code) {
  return code == 0x061c || code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069);
}

// What most texts are made of, taken at once.
constexpr std::string_view kPlain =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

// Each character as it is, or as an escape; `stays(rest)` says which control characters stay.
template <class Stays>
std::string escaped(std::string_view text, const Stays& stays) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t plain = std::min(text.find_first_not_of(kPlain), text.size());
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const Character c = first_character(text);
    if (!c.is_utf8) {
      out += fmt::format("\\x{:02x}", static_cast<uint8_t>(text.front()));
    } else if ((c.code < 0x20 || c.code == 0x7f) && !stays(text)) {
      const char* const name = c.code == '\n'   ? "\\n"
                               : c.code == '\r' ? "\\r"
                               : c.code == '\t' ? "\\t"
                                                : nullptr;
      out += name != nullptr ? name : fmt::format("\\x{:02x}", c.code);
    } else if ((c.code >= 0x80 && c.code < 0xa0) || is_direction_or_line(c.code)) {
      out += fmt::format("\\u{:04x}", c.code);
    } else {
      out += text.substr(0, c.bytes);
    }
    text.remove_prefix(c.bytes);
  }
  return out;
}

}  // namespace

std::string visible(std::string_view text) {
  return escaped(text, [](std::string_view) { return false; });
}

std::string visible_lines(std::string_view text) {
  return escaped(text, [](std::string_view rest) { return rest[0] == '\n' || rest[0] == '\t'; });
}

std::string visible_message(std::string_view text) {
  return escaped(text, [](std::string_view rest) { return rest.starts_with("\n  "); });
}

}  // namespace primal
