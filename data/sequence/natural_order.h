// The order in which a person would count: names are compared piece by piece, digits as the numbers they write, so that frame2
// comes before frame10. Where two names are equal in that, as 7 and 007, the bytes decide, so that every order is the same everywhere.
#pragma once

#include <string_view>

namespace primal {

bool natural_less(std::string_view a, std::string_view b);

}  // namespace primal
