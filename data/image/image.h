// Image: a picture as levels of 8 or 16 bit, and the ways in and out. PNG (libpng) and JPEG (libjpeg-turbo)
// are read here; what other formats hold is a Raster (data/formats/formats.h) first. The only page of one
// becomes an Image: unsigned samples of 8 and 16 bit are its levels, other values are spread over 16 bit from
// the file's smallest to its largest, with a remark.
//
// What a file becomes:
//   grey of 1, 2, 4 or 8 bit    1 channel, 8 bit; fewer bits are spread over 0..255 (4 bit: 17 per level)
//   grey of 16 bit              1 channel, 16 bit
//   palette                     3 channels, 8 bit
//   RGB of 8 or 16 bit          3 channels, 8 or 16 bit
//   with alpha                  the same without: the colour below is kept as stored, not blended with any
//                               background, as Pillow's convert() drops alpha; so too a colour marked
//                               transparent
//   JPEG CMYK, YCCK             3 channels, 8 bit; stored inverted as Adobe does (as Pillow and browsers
//                               assume), R = (255 - K) (255 - C) / 255 and so on in 8-bit rounding
//   EXIF or XMP orientation     applied: row 0 is the top of the scene; where it is looked for:
//                               data/image/orientation.h
// Colour profiles and gamma are ignored, as Pillow ignores them.
//
// Errors:  IoError when a file cannot be opened. DataError, always naming the file, when it is a device,
//          empty, truncated, corrupt, of another format, larger than kMaxPixels, or when its header promises
//          more pixels than its bytes can hold; the last two are found before memory is taken for the pixels.
//          A JPEG with damaged picture data is an error too, where some readers fill the rest with grey:
//          pictures are measured here. A PNG whose pixels are whole by their checksums is read whatever is
//          wrong around them, with a remark.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace primal {

// The largest picture read or made: 16384 x 16384. As Image it takes 0.5 GiB (grey) or 1.5 GiB (RGB).
inline constexpr int64_t kMaxPixels = int64_t{1} << 28;

// Pixels per metre along each axis. Both are known or both are 0.
struct PixelDensity {
  uint32_t x = 0, y = 0;

  // What a file states: not known where either is 0.
  static PixelDensity stated(uint32_t x, uint32_t y) {
    return x > 0 && y > 0 ? PixelDensity{x, y} : PixelDensity{};
  }
  bool is_known() const { return x > 0; }
  bool operator==(const PixelDensity&) const = default;
};

struct Image {
  int64_t width = 0;
  int64_t height = 0;
  int channels = 1;   // 1 grey, 3 RGB
  int bit_depth = 8;  // 8 or 16
  // Levels 0 .. max_level(), [height, width, channels] row-major, whatever the bit depth.
  std::vector<uint16_t> levels;
  bool had_alpha = false;  // in its file, or a colour marked transparent
  PixelDensity density;    // of its file, and written to one
  // What is wrong with its file and did not matter, for people: "it ends without its IEND chunk; its pixels
  // are whole".
  std::vector<std::string> remarks;

  Image() = default;
  // All levels 0. ShapeError for an extent below 1, other channels or bit depths, or more than kMaxPixels.
  Image(int64_t width, int64_t height, int channels, int bit_depth = 8);

  int max_level() const { return bit_depth == 8 ? 255 : 65535; }
  const uint16_t* row(int64_t y) const { return levels.data() + y * width * channels; }
  uint16_t* row(int64_t y) { return levels.data() + y * width * channels; }
  uint16_t at(int64_t x, int64_t y, int c = 0) const { return row(y)[x * channels + c]; }
  uint16_t& at(int64_t x, int64_t y, int c = 0) { return row(y)[x * channels + c]; }
  bool operator==(const Image&) const = default;
};

// Any format of data/formats/formats.h, recognised by the first bytes, not by the name.
Image read_image(const std::filesystem::path& path);
// The same for a file already in memory (standard input); `name` is what errors call it.
Image decode_image(std::span<const uint8_t> bytes, const std::string& name);

// True for the names that files of one picture have, in any case: what is taken from a folder as a data set.
// Arrays and volumes are read too, but nothing says that a folder's are pictures.
bool has_image_extension(const std::filesystem::path& path);
inline constexpr const char* kImageExtensions = ".png .jpg .jpeg .tif .tiff .pgm .ppm .pnm .webp .dcm";

// tEXt chunks of a PNG: keyword of 1 to 79 Latin-1 characters -> text.
using PngText = std::map<std::string, std::string>;

// 8- or 16-bit grey or RGB PNG. write_png leaves a whole file or none (data/file/file.h).
std::vector<uint8_t> encode_png(const Image& image, const PngText& text = {});
void write_png(const std::filesystem::path& path, const Image& image, const PngText& text = {});

}  // namespace primal
