// The range of a number on the command line. Unlike CLI::Range it refuses NaN, and says the bounds as one would write them.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <fmt/core.h>
#include <string>

namespace primal {

// Accepts low <= number <= high; what it accepts is parsed by CLI11 afterwards, which settles whole numbers.
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

}  // namespace primal
