// What every fuzz target of a raster's reader asks: any bytes are a raster of the format or a DataError that
// names them. A raster is whole, and where its format is written, it comes back from its own file.
#pragma once

#include <algorithm>
#include <cstdlib>

#include "data/formats/formats.h"
#include "tensor/error.h"

namespace primal::fuzz {

inline void run(std::span<const uint8_t> bytes,
                Raster (*decode)(std::span<const uint8_t>, const std::string&),
                bool (*is_ours)(std::span<const uint8_t>), PictureFormat format) {
  if (!is_ours(bytes.first(std::min<size_t>(bytes.size(), 512)))) return;
  Raster raster;
  try {
    raster = decode(bytes, "fuzz");
  } catch (const DataError& error) {
    if (std::string(error.what()).find("fuzz") == std::string::npos) std::abort();
    return;
  }
  if (raster.samples.size() != raster.n_samples() * bytes_of(raster.type)) std::abort();
  if (raster.samples.size() > 1'000'000) return;
  // The format holds a side of 16384 pixels, which is read; libwebp writes 16383.
  constexpr int64_t kMostOfWebp = 16383;
  if (format == PictureFormat::webp && std::max(raster.width, raster.height) > kMostOfWebp) return;
  const Raster again = decode(encode_raster(raster, format), "again");
  // WebP does not store transparency that is opaque everywhere.
  const bool opaque =
      std::all_of(raster.alpha.begin(), raster.alpha.end(), [](uint8_t byte) { return byte == 0xFF; });
  const bool left_out = format == PictureFormat::webp && opaque && again.alpha.empty();
  if ((again.alpha != raster.alpha && !left_out) || again.meaning.profile != raster.meaning.profile)
    std::abort();
  if (again.samples != raster.samples || again.type != raster.type || again.width != raster.width ||
      again.height != raster.height || again.pages != raster.pages || again.channels != raster.channels)
    std::abort();
}

}  // namespace primal::fuzz
