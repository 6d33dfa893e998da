// Natural order of names: they are compared piece by piece, with digits compared as numbers, so that frame2
// comes before frame10. If two names are equal in this order, such as 7 and 007, their bytes are compared, so
// that the order is the same everywhere.
#pragma once

#include <string_view>

namespace primal {

bool natural_less(std::string_view a, std::string_view b);

}  // namespace primal
