// Checks that the ranks agree on what they are about to do, before they exchange messages whose sizes depend
// on it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "apps/distributed/communicator.h"

namespace primal {

// `own` is an object of names and values, {"--batch": 4}. Throws ConfigError on every rank, with the name and
// both values of the first difference from rank 0; `must` ends the message: "train alike".
void check_same_facts(Communicator& ranks, const nlohmann::json& own, const std::string& must);

}  // namespace primal
