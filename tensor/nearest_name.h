// For errors about names: "unknown key 'model.fliters'; did you mean 'model.filters'?"
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace primal {

// How many letters must be inserted, removed or replaced to make b of a (Levenshtein).
size_t edit_distance(const std::string& a, const std::string& b);

// The name that is nearest by edit_distance, the first of several; names must not be empty.
const std::string& nearest_name(const std::vector<std::string>& names, const std::string& name);

// The one that `name` was probably meant to be: so near that a slip of the hand explains it, or called so
// after its last dot. Empty where there is none.
std::string name_meant(const std::vector<std::string>& names, const std::string& name);

}  // namespace primal
