// Cells of a volume: ranges of indices along D, H and W, for ops and networks that work on a part of one.
#pragma once

#include <array>
#include <cstdint>

namespace primal {

struct CellRange {
  int64_t begin = 0, end = 0;  // [begin, end)

  int64_t size() const { return end - begin; }
  bool contains(const CellRange& other) const { return begin <= other.begin && other.end <= end; }
  bool operator==(const CellRange&) const = default;
};

using CellBox = std::array<CellRange, 3>;  // D, H, W

}  // namespace primal
