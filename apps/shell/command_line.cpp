#include "apps/shell/command_line.h"

#include <algorithm>
#include <ctime>
#include <fstream>
#include <string_view>

namespace primal {
namespace {

// In single quotes where a shell would take it for something else.
std::string shell_word(const std::string& word) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_./,:=+@%").find(c) != std::string_view::npos;
  };
  if (!word.empty() && std::ranges::all_of(word, is_plain)) return word;
  std::string out = "'";
  for (const char c : word) c == '\'' ? out += "'\\''" : out += c;
  return out + "'";
}

}  // namespace

std::string command_line() {
  std::ifstream words("/proc/self/cmdline", std::ios::binary);
  std::string line = "primal", word;
  std::getline(words, word, '\0');  // the program's own name, wherever it lies
  while (std::getline(words, word, '\0')) line.append(" ").append(shell_word(word));
  return line;
}

std::string utc_time() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

}  // namespace primal
