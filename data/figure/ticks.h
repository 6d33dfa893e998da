// Where the numbers of an axis stand, and how they read.
#pragma once

#include <string>
#include <vector>

namespace primal {

// About n round numbers from low to high: multiples of 1, 2 or 5 times a power of ten.
std::vector<double> round_ticks(double low, double high, int n = 5);

// Round numbers for a logarithmic axis, 0 < low <= high: powers of ten, with their double and
// fivefold where there are few.
std::vector<double> log_ticks(double low, double high);

// Text for each tick, all with the same number of decimals; numbers from 1e6 and below 1e-4 as
// powers of ten: "2·10⁻⁵".
std::vector<std::string> tick_texts(const std::vector<double>& ticks);

}  // namespace primal
