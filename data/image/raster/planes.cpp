// The channels of a raster as pages of their own, and back.
#include <cstring>

#include "data/image/raster/raster.h"
#include "tensor/error.h"

namespace primal {
namespace {

// Copies sample i of channel c of a page between the two layouts.
template <class Copy>
void for_each_sample(int64_t pages, int64_t pixels, int channels, const Copy& copy) {
  for (int64_t p = 0; p < pages; ++p) {
    for (int c = 0; c < channels; ++c) {
      for (int64_t i = 0; i < pixels; ++i)
        copy(((p * channels + c) * pixels) + i, ((p * pixels) + i) * channels + c);
    }
  }
}

}  // namespace

Raster planes(const Raster& raster) {
  if (raster.channels == 1) return raster;
  Raster result = raster;
  result.channels = 1;
  result.pages = raster.pages * raster.channels;
  const size_t size = bytes_of(raster.type);
  for_each_sample(raster.pages, raster.width * raster.height, raster.channels,
                  [&](int64_t plane, int64_t pixel) {
                    std::memcpy(result.samples.data() + static_cast<size_t>(plane) * size,
                                raster.samples.data() + static_cast<size_t>(pixel) * size, size);
                  });
  return result;
}

Raster interleaved(const Raster& raster, int channels) {
  if (channels == 1) return raster;
  if (raster.channels != 1 || raster.pages % channels != 0)
    throw ShapeError("[raster] {} pages of {} channels are not the planes of {} channels", raster.pages,
                     raster.channels, channels);
  Raster result = raster;
  result.channels = channels;
  result.pages = raster.pages / channels;
  const size_t size = bytes_of(raster.type);
  for_each_sample(result.pages, raster.width * raster.height, channels, [&](int64_t plane, int64_t pixel) {
    std::memcpy(result.samples.data() + static_cast<size_t>(pixel) * size,
                raster.samples.data() + static_cast<size_t>(plane) * size, size);
  });
  return result;
}

}  // namespace primal
