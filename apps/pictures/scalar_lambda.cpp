#include "apps/pictures/scalar_lambda.h"

#include <cstdlib>

#include "tensor/error.h"

namespace primal {

ScalarLambda parse_scalar_lambda(const std::string& text) {
  if (text == "auto" || text == "sure") return {.rule = LambdaRule::sure};
  if (text == "discrepancy") return {.rule = LambdaRule::discrepancy};
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(number >= 0.0 && number <= 100.0)) {
    throw ConfigError("expected a number from 0 to 100, or auto, sure or discrepancy, found '{}'", text);
  }
  return {.number = number};
}

std::string_view name_of(LambdaRule rule) {
  switch (rule) {
    case LambdaRule::sure:
      return "sure";
    case LambdaRule::discrepancy:
      return "discrepancy";
    default:
      return "number";
  }
}

}  // namespace primal
