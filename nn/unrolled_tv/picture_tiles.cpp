#include "nn/unrolled_tv/picture_tiles.h"

#include <algorithm>

#include "tensor/error.h"

namespace primal {

PicturePadding::PicturePadding(const Shape& z, const std::array<int64_t, 3>& multiple) {
  for (size_t a = 0; a < 3; ++a) {
    const int64_t n = z[static_cast<int>(a) + 2];
    const int64_t total = (multiple[a] - n % multiple[a]) % multiple[a];
    const int64_t low = total / 2, high = total - total / 2;
    pad.low[a] = crop.low[a] = low;
    pad.high[a] = crop.high[a] = high;
    pad.mode[a] = high < n ? PadMode::reflect : PadMode::edge;
    picture[a] = {low, low + n};
    extents[a] = n + total;
    any = any || total > 0;
  }
}

std::vector<CellBox> tiles_of(const CellBox& picture, const std::array<int64_t, 3>& multiple, int64_t tile) {
  if (tile < 1) throw ConfigError("[unrolled_tv] tiles of {} cells", tile);
  std::array<std::vector<CellRange>, 3> parts;
  for (size_t a = 0; a < 3; ++a) {
    const int64_t units = (picture[a].end + multiple[a] - 1) / multiple[a];
    const int64_t at_most = std::max<int64_t>(tile / multiple[a], 1);
    const int64_t n = (units + at_most - 1) / at_most;
    for (int64_t i = 0; i < n; ++i) {
      parts[a].push_back({std::max(units * i / n * multiple[a], picture[a].begin),
                          std::min(units * (i + 1) / n * multiple[a], picture[a].end)});
    }
  }
  std::vector<CellBox> tiles;
  for (const CellRange& d : parts[0]) {
    for (const CellRange& h : parts[1]) {
      for (const CellRange& w : parts[2]) tiles.push_back({d, h, w});
    }
  }
  return tiles;
}

}  // namespace primal
