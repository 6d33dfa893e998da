// The TIFF structure inside EXIF (EXIF 2.32, 4.6.2):
//
//   byte 0: "II" (little endian) or "MM" (big endian), u16 42, u32 offset of the directory
//   directory: u16 count, then entries of 12 bytes: u16 tag, u16 type, u32 count, and 4 bytes that hold the
//   values, or their offset if they need more space
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace primal::codec {

// The block without "Exif\0\0" before it, which JPEG has there once, and other files not at all or several
// times.
inline std::span<const uint8_t> without_exif_start(std::span<const uint8_t> block) {
  constexpr std::array<uint8_t, 6> kStart{'E', 'x', 'i', 'f', 0, 0};
  while (block.size() >= kStart.size() && std::ranges::equal(block.first(kStart.size()), kStart))
    block = block.subspan(kStart.size());
  return block;
}

class ExifBlock {
 public:
  explicit ExifBlock(std::span<const uint8_t> bytes)
      : bytes_(bytes), little_(bytes.size() > 1 && bytes[0] == 'I') {}

  bool is_valid() const {
    if (bytes_.size() < 8 || bytes_[0] != bytes_[1] || (bytes_[0] != 'I' && bytes_[0] != 'M')) return false;
    return (bytes_[2] == 42 && bytes_[3] == 0) ||
           (bytes_[2] == 0 && bytes_[3] == 42);  // some writers swap the bytes
  }
  bool has(size_t at, size_t n) const { return at <= bytes_.size() && n <= bytes_.size() - at; }
  uint32_t u16(size_t at) const {
    return little_ ? bytes_[at] | static_cast<uint32_t>(bytes_[at + 1]) << 8
                   : bytes_[at + 1] | static_cast<uint32_t>(bytes_[at]) << 8;
  }
  uint32_t u32(size_t at) const {
    return little_ ? u16(at) | u16(at + 2) << 16 : u16(at + 2) | u16(at) << 16;
  }

 private:
  std::span<const uint8_t> bytes_;
  bool little_;
};

}  // namespace primal::codec
