#include "nn/unet/unet_windows.h"

#include <algorithm>

#include "nn/upsample3d/upsample3d.h"

namespace primal {
namespace {

// What a double convolution with this result has to see, in an axis of n cells.
CellRange seen_by(const CellRange& result, int64_t kernel, int64_t n) {
  const int64_t reach = 2 * (kernel / 2);
  return {std::max<int64_t>(result.begin - reach, 0), std::min(result.end + reach, n)};
}

// Windows of the levels along one axis; n[i] cells at level i.
struct AxisWindows {
  std::vector<CellRange> encoder, decoder;
};

AxisWindows axis_windows(int64_t kernel, int64_t pool, int64_t blocks, int64_t extent, CellRange window) {
  const Upsample3dParams aligned{.mode = UpsampleMode::trilinear, .align_corners = true};
  AxisWindows result;
  int64_t n = extent;
  for (int64_t level = 0; level < blocks; ++level) {
    result.decoder.push_back(seen_by(window, kernel, n));
    window = upsample3d_sources(result.decoder.back(), n / pool, n, aligned);
    n /= pool;
  }
  CellRange seen = seen_by(window, kernel, n);
  for (int64_t level = blocks - 1; level >= 0; --level) {
    n *= pool;
    const CellRange& skip = result.decoder[static_cast<size_t>(level)];
    seen = {std::min(seen.begin * pool, skip.begin), std::max(seen.end * pool, skip.end)};
    seen = seen_by(seen, kernel, n);
  }
  int64_t multiple = 1;
  for (int64_t level = 0; level < blocks; ++level) multiple *= pool;
  seen = {seen.begin / multiple * multiple, (seen.end + multiple - 1) / multiple * multiple};
  for (int64_t level = 0; level <= blocks; ++level) {
    result.encoder.push_back(seen);
    seen = {seen.begin / pool, seen.end / pool};
  }
  return result;
}

}  // namespace

UNetWindows unet_windows(const UNetOptions& options, const std::array<int64_t, 3>& extents,
                         const CellBox& window) {
  const auto blocks = static_cast<size_t>(options.blocks);
  UNetWindows result{std::vector<CellBox>(blocks + 1), std::vector<CellBox>(blocks)};
  for (size_t a = 0; a < 3; ++a) {
    const AxisWindows axis =
        axis_windows(options.kernel[a], options.pool[a], options.blocks, extents[a], window[a]);
    for (size_t level = 0; level <= blocks; ++level) result.encoder[level][a] = axis.encoder[level];
    for (size_t level = 0; level < blocks; ++level) result.decoder[level][a] = axis.decoder[level];
  }
  return result;
}

}  // namespace primal
