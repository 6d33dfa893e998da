// Ranges of numbers on the command line. Unlike CLI::Range they refuse NaN, name the kind of number that is
// expected, and say the bounds as one would type them.
#pragma once

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <fmt/core.h>
#include <string>

namespace primal {

constexpr int64_t kMost = 1'000'000'000'000'000;  // of counts and seeds, as in configurations

// Accepts low <= number <= high.
inline CLI::Validator number_range(double low, double high) {
  return CLI::Validator(
      [low, high](std::string& text) -> std::string {
        char* end = nullptr;
        const double value = std::strtod(text.c_str(), &end);
        if (!text.empty() && *end == '\0' && value >= low && value <= high) return {};
        return fmt::format("expected a number from {:g} to {:g}, found '{}'", low, high, text);
      },
      fmt::format("{:g} to {:g}", low, high));
}

// Accepts whole numbers, low <= number <= high.
inline CLI::Validator whole_range(int64_t low, int64_t high = kMost) {
  return CLI::Validator(
      [low, high](std::string& text) -> std::string {
        char* end = nullptr;
        errno = 0;
        const int64_t value = std::strtoll(text.c_str(), &end, 10);
        if (!text.empty() && *end == '\0' && errno == 0 && value >= low && value <= high) return {};
        return fmt::format("expected a whole number from {} to {}, found '{}'", low, high, text);
      },
      high == kMost ? fmt::format("at least {}", low) : fmt::format("{} to {}", low, high));
}

}  // namespace primal
