#include "data/image/image.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "data/file/file.h"
#include "data/image/codec.h"
#include "tensor/error.h"

namespace primal {
Image::Image(int64_t width_, int64_t height_, int channels_, int bit_depth_)
    : width(width_), height(height_), channels(channels_), bit_depth(bit_depth_) {
  if (width < 1 || height < 1 || width > kMaxPixels / height) {
    throw ShapeError("[image] {} x {} pixels: each side at least 1, at most {} pixels", width, height,
                     kMaxPixels);
  }
  if (channels != 1 && channels != 3) throw ShapeError("[image] channels must be 1 or 3, got {}", channels);
  if (bit_depth != 8 && bit_depth != 16)
    throw ShapeError("[image] bit depth must be 8 or 16, got {}", bit_depth);
  levels.resize(static_cast<size_t>(width * height * channels));
}

bool has_image_extension(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::array kExtensions{".png", ".jpg", ".jpeg", ".tif",  ".tiff",
                                   ".pgm", ".ppm", ".pnm",  ".webp", ".dcm"};
  return std::ranges::find(kExtensions, extension) != kExtensions.end();
}

void write_png(const std::filesystem::path& path, const Image& image, const PngText& text) {
  write_file_atomically(path, encode_png(image, text));
}

namespace codec {

void check_extent(const std::string& name, const char* format, uint64_t width, uint64_t height,
                  uint64_t file_bytes, double max_pixels_per_byte) {
  if (width == 0 || height == 0) {
    throw DataError("[{}] {} says it has {} x {} pixels, each side must be at least 1", format, name, width,
                    height);
  }
  if (width > static_cast<uint64_t>(kMaxPixels) / height) {
    throw DataError(
        "[{}] {} says it has {} x {} pixels, at most as many as 16384 x 16384 has are read; cut it into "
        "parts, or make it smaller",
        format, name, width, height);
  }
  if (static_cast<double>(width * height) > max_pixels_per_byte * static_cast<double>(file_bytes)) {
    throw DataError(
        "[{}] {} says it has {} x {} pixels, more than its {} bytes can hold: truncated or corrupt", format,
        name, width, height, file_bytes);
  }
}

void widen_in_place(uint16_t* row, int64_t n_samples) {
  const uint8_t* narrow = row_bytes(row);
  for (int64_t i = n_samples - 1; i >= 0; --i)
    row[i] = narrow[i];  // from the back: reads stay ahead of writes
}

}  // namespace codec
}  // namespace primal
