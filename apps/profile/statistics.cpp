#include "apps/profile/statistics.h"

#include <algorithm>
#include <cmath>

namespace primal {

Summary summarise(std::vector<double> values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  // Between two ranks the value in proportion.
  const auto quantile = [&](double q) {
    const double rank = q * static_cast<double>(values.size() - 1);
    const auto below = static_cast<size_t>(std::floor(rank));
    const size_t above = std::min(below + 1, values.size() - 1);
    return values[below] + (rank - std::floor(rank)) * (values[above] - values[below]);
  };
  return {quantile(0.5), quantile(0.25), quantile(0.75), values.front(), static_cast<int>(values.size())};
}

}  // namespace primal
