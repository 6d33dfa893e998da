// The rows of a table, one for each of n items, computed by several ranks: each computes a contiguous
// part, and all get the whole table in the order of the items. So a mean over the rows has the same
// bits on any number of ranks.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "apps/distributed/communicator.h"
#include "apps/training/baseline.h"

namespace primal {

using Rows = std::vector<std::vector<double>>;

// row(i) for the items 0 .. n - 1; nothing where keep_going() turned false on any rank. Without ranks
// (nullptr) this process computes all.
std::optional<Rows> divided_rows(Communicator* ranks, int64_t n, const std::function<bool()>& keep_going,
                                 const std::function<std::vector<double>(int64_t)>& row);

// The summaries of n columns from the first one on.
Metrics summaries(const Rows& rows, size_t first, size_t n);

}  // namespace primal
