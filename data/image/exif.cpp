// EXIF orientation, tag 0x0112 of the first directory of a TIFF structure (EXIF 2.32, 4.6.2 and 4.6.4):
//
//   byte 0: "II" (little endian) or "MM" (big endian), u16 42, u32 offset of the directory
//   directory: u16 count, then entries of 12 bytes: u16 tag, u16 type, u32 count, 4 bytes of value
//
//   1 upright          2 mirrored left-right       3 turned by 180 degrees    4 mirrored top-bottom
//   5 transposed       6 turn by 90 clockwise      7 anti-transposed          8 turn by 90 counter-clockwise
//     (to see it upright: 5 transpose, 6 and 8 as said, 7 transpose along the other diagonal)
#include <utility>

#include "data/image/codec.h"

namespace primal::codec {

int exif_orientation(std::span<const uint8_t> tiff) {
  if (tiff.size() < 8) return 1;
  const bool little = tiff[0] == 'I' && tiff[1] == 'I';
  if (!little && !(tiff[0] == 'M' && tiff[1] == 'M')) return 1;
  const auto u16 = [&](size_t at) -> uint32_t {
    return little ? tiff[at] | static_cast<uint32_t>(tiff[at + 1]) << 8
                  : tiff[at + 1] | static_cast<uint32_t>(tiff[at]) << 8;
  };
  const auto u32 = [&](size_t at) -> uint32_t {
    return little ? u16(at) | u16(at + 2) << 16 : u16(at + 2) | u16(at) << 16;
  };
  if (u16(2) != 42) return 1;
  const size_t directory = u32(4);
  if (directory + 2 > tiff.size()) return 1;
  const size_t n_entries = u16(directory);
  for (size_t i = 0; i < n_entries; ++i) {
    const size_t entry = directory + 2 + 12 * i;
    if (entry + 12 > tiff.size()) return 1;
    constexpr uint32_t kOrientation = 0x0112, kShort = 3;
    if (u16(entry) != kOrientation || u16(entry + 2) != kShort) continue;
    const uint32_t orientation = u16(entry + 8);
    return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1;
  }
  return 1;
}

Image upright(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  const bool transposed = orientation >= 5;
  const int64_t w = image.width, h = image.height;
  Image out(transposed ? h : w, transposed ? w : h, image.channels, image.bit_depth);
  for (int64_t y = 0; y < out.height; ++y) {
    for (int64_t x = 0; x < out.width; ++x) {
      // (u, v): where the upright pixel (x, y) lies in the stored picture.
      int64_t u = transposed ? y : x;
      int64_t v = transposed ? x : y;
      if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) u = w - 1 - u;
      if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) v = h - 1 - v;
      for (int c = 0; c < image.channels; ++c) out.at(x, y, c) = image.at(u, v, c);
    }
  }
  return out;
}

}  // namespace primal::codec
