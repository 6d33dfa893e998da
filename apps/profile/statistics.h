// Medians and their spread: what measurements on a machine with other users are summed up by.
#pragma once

#include <vector>

namespace primal {

struct Summary {
  double median = 0.0;
  double low = 0.0, high = 0.0;  // quartiles
  double best = 0.0;             // the smallest
  int n = 0;

  // Half the distance of the quartiles, as a share of the median.
  double spread() const { return median > 0.0 ? 0.5 * (high - low) / median : 0.0; }
};

// All zeros for no values.
Summary summarise(std::vector<double> values);

}  // namespace primal
