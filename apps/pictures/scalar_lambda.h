// --lambda: one weight for all pixels, as a number or as the rule that chooses it for each picture
// (solvers/lambda_choice).
#pragma once

#include <string>
#include <string_view>

namespace primal {

enum class LambdaRule { number, sure, discrepancy };

struct ScalarLambda {
  LambdaRule rule = LambdaRule::number;
  double number = 0.0;

  bool is_chosen() const { return rule != LambdaRule::number; }
};

// "0.07", "sure" or its alias "auto", "discrepancy". ConfigError for another text and for a
// number outside of 0 to 100.
ScalarLambda parse_scalar_lambda(const std::string& text);
std::string_view name_of(LambdaRule rule);

}  // namespace primal
