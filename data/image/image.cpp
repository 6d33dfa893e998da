#include "data/image/image.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/format.h>
#include <string_view>

#include "data/file/file.h"
#include "data/image/codec.h"
#include "tensor/error.h"

namespace primal {
namespace {

// The first bytes of a file that is no picture of ours, with the name of the format where it is a common one.
std::string describe_start(std::span<const uint8_t> bytes) {
  struct Format {
    std::string_view start;
    const char* name;
  };
  constexpr std::array<Format, 8> kOthers{{{"GIF8", "a GIF"},
                                           {"RIFF", "a WebP or another RIFF file"},
                                           {"BM", "a BMP"},
                                           {"II*", "a TIFF"},
                                           {"MM", "a TIFF"},
                                           {"%PDF", "a PDF"},
                                           {"PK", "a ZIP archive"},
                                           {"<", "an HTML or XML text"}}};
  std::string text = "it starts with";
  for (const uint8_t b : bytes.first(std::min<size_t>(bytes.size(), 8))) text += fmt::format(" {:02x}", b);
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()),
                               std::min<size_t>(bytes.size(), 8));
  for (const Format& format : kOthers) {
    if (start.starts_with(format.start)) return text + fmt::format(", which looks like {}", format.name);
  }
  return text;
}

}  // namespace

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

Image decode_image(std::span<const uint8_t> bytes, const std::string& name) {
  if (bytes.empty()) throw DataError("[image] {} is empty, expected a PNG or JPEG picture", name);
  if (codec::is_png(bytes)) return codec::decode_png(bytes, name);
  if (codec::is_jpeg(bytes)) return codec::decode_jpeg(bytes, name);
  throw DataError("[image] {} is neither PNG nor JPEG: {}", name, describe_start(bytes));
}

Image read_image(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_character_file(path, error) || std::filesystem::is_block_file(path, error)) {
    throw DataError("[image] {} is a device, expected a PNG or JPEG picture", path.string());
  }
  return decode_image(read_file(path), path.string());
}

bool has_image_extension(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
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
    throw DataError("[{}] {} says it has {} x {} pixels, at most {} are read", format, name, width, height,
                    kMaxPixels);
  }
  if (static_cast<double>(width * height) > max_pixels_per_byte * static_cast<double>(file_bytes)) {
    throw DataError(
        "[{}] {} says it has {} x {} pixels, far more than its {} bytes can hold: truncated or corrupt",
        format, name, width, height, file_bytes);
  }
}

void widen_in_place(uint16_t* row, int64_t n_samples) {
  const uint8_t* narrow = row_bytes(row);
  for (int64_t i = n_samples - 1; i >= 0; --i)
    row[i] = narrow[i];  // from the back: reads stay ahead of writes
}

}  // namespace codec
}  // namespace primal
