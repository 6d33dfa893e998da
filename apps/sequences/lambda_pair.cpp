#include "apps/sequences/lambda_pair.h"

#include <cstdlib>

#include "tensor/error.h"

namespace primal {

bool is_lambda_pair(const std::string& text) { return text.find(',') != std::string::npos; }

LambdaPair parse_lambda_pair(const std::string& text) {
  const auto number = [&](const std::string& part) {
    char* end = nullptr;
    const double value = std::strtod(part.c_str(), &end);
    if (part.empty() || *end != '\0' || !(value >= 0.0 && value <= 100.0))
      throw ConfigError(
          "expected two numbers from 0 to 100 with a comma between, xy,t, as 0.05,0.1; found '{}'", text);
    return value;
  };
  const size_t comma = text.find(',');
  if (comma == std::string::npos) return {number(text), number(text)};
  return {number(text.substr(0, comma)), number(text.substr(comma + 1))};
}

}  // namespace primal
