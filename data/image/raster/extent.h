// What every decoder of rasters asks before it takes memory.
#pragma once

#include <cstdint>
#include <string>

#include "data/image/raster/raster.h"

namespace primal::codec {

// More pages are refused in every format.
inline constexpr int64_t kMaxPages = int64_t{1} << 20;

// What zlib's deflate reaches at the very best.
inline constexpr double kDeflateRatio = 1032.0;

struct Extent {
  uint64_t pages = 1, width = 0, height = 0;
  uint64_t bytes_per_pixel = 1;  // unpacked
};

// DataError for an extent of 0, a page of more than kMaxPixels pixels or more than kMaxPages pages, and where
// the samples would have more bytes than `available` bytes of the file can unpack to, at most `ratio` from
// each. `format` is the tag: "npy".
void check_volume(const std::string& name, const char* format, const Extent& extent, uint64_t available,
                  double ratio);

}  // namespace primal::codec
