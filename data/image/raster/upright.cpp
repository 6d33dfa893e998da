#include "data/image/raster/upright.h"

#include <cstring>
#include <utility>

namespace primal::codec {

Raster upright(Raster raster, int orientation) {
  if (orientation <= 1 || orientation > 8) return raster;
  const bool transposed = orientation >= 5;
  const int64_t w = raster.width, h = raster.height;
  const size_t pixel = bytes_of(raster.type) * static_cast<size_t>(raster.channels);
  std::vector<uint8_t> out(raster.samples.size());
  uint8_t* to = out.data();
  if (transposed) {
    std::swap(raster.width, raster.height);
    std::swap(raster.density.x, raster.density.y);
  }
  for (int64_t p = 0; p < raster.pages; ++p) {
    for (int64_t y = 0; y < raster.height; ++y) {
      for (int64_t x = 0; x < raster.width; ++x, to += pixel) {
        // (u, v): where the upright pixel (x, y) lies in the stored picture.
        int64_t u = transposed ? y : x, v = transposed ? x : y;
        if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) u = w - 1 - u;
        if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) v = h - 1 - v;
        std::memcpy(to, raster.samples.data() + static_cast<size_t>((p * h + v) * w + u) * pixel, pixel);
      }
    }
  }
  raster.samples = std::move(out);
  if (!raster.alpha.empty()) {
    Raster alpha{.width = w,
                 .height = h,
                 .pages = raster.pages,
                 .type = raster.type,
                 .samples = std::move(raster.alpha)};
    raster.alpha = upright(std::move(alpha), orientation).samples;
  }
  if (auto* origin = std::get_if<TiffOrigin>(&raster.origin); origin != nullptr && transposed) {
    for (TiffOrigin::Page& page : origin->pages) std::swap(page.x_resolution, page.y_resolution);
    std::swap(origin->tile_width, origin->tile_height);
  }
  return raster;
}

}  // namespace primal::codec
