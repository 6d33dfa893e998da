// --lambda for a sequence: one weight for the differences in space and one for those in time, the same for
// all pixels of all frames.
#pragma once

#include <string>

#include "model/sequence_model.h"

namespace primal {

// "0.05,0.1": xy, then t. A single number means the same for both. ConfigError for any other text and for
// numbers outside 0 to 100.
LambdaPair parse_lambda_pair(const std::string& text);
bool is_lambda_pair(const std::string& text);  // whether there is a comma in it

}  // namespace primal
