#include "tensor/op/geometry_text.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "tensor/error.h"

namespace primal {
namespace {

constexpr int64_t kLargest = int64_t{1} << 20;

}  // namespace

GeometryText::GeometryText(std::string_view op, std::string_view text) : op_(op), text_(text) {
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find(' ', at), text.size());
    const std::string_view word = text.substr(at, end - at);
    const auto digit = std::ranges::find_if(word, [](unsigned char c) { return std::isdigit(c) != 0; });
    const std::string name(word.begin(), digit);
    if (name.empty() || digit == word.end())
      fail(fmt::format("'{}' is not a letter with a number", std::string(word)));
    std::vector<int64_t> numbers;
    const char *from = word.data() + name.size(), *last = word.data() + word.size();
    while (true) {
      int64_t value = 0;
      const auto [next, error] = std::from_chars(from, last, value);
      if (error != std::errc() || value < 0 || value > kLargest)
        fail(fmt::format("'{}' needs whole numbers from 0 to {}", std::string(word), kLargest));
      numbers.push_back(value);
      if (next == last) break;
      if (*next != ',') fail(fmt::format("'{}' needs commas between its numbers", std::string(word)));
      from = next + 1;
    }
    if (!words_.emplace(name, std::move(numbers)).second) fail(fmt::format("'{}' is there twice", name));
    at = end + 1;
  }
}

const std::vector<int64_t>& GeometryText::numbers(const char* name) const {
  const auto found = words_.find(name);
  if (found == words_.end()) fail(fmt::format("'{}' is missing", name));
  return found->second;
}

int64_t GeometryText::one(const char* name) const {
  const std::vector<int64_t>& n = numbers(name);
  if (n.size() != 1) fail(fmt::format("'{}' needs one number, has {}", name, n.size()));
  return n[0];
}

std::array<int64_t, 3> GeometryText::three(const char* name) const {
  const std::vector<int64_t>& n = numbers(name);
  if (n.size() != 3) fail(fmt::format("'{}' needs three numbers, has {}", name, n.size()));
  return {n[0], n[1], n[2]};
}

void GeometryText::fail(const std::string& what) const {
  throw DataError("[{}] geometry '{}': {}", op_, text_, what);
}

}  // namespace primal
