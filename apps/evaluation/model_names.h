// What tells several models apart in tables.
#pragma once

#include <string>
#include <vector>

namespace primal {

// Their paths without what all of them begin and end with, cut at the slashes; "map" where there is one
// alone.
std::vector<std::string> names_of_models(const std::vector<std::string>& models);

}  // namespace primal
