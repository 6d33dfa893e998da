// EXIF orientation, tag 0x0112 of the first directory (data/image/exif_block.h; EXIF 2.32, 4.6.4).
#include "data/image/orientation.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "data/image/codec.h"
#include "data/image/exif_block.h"

namespace primal::codec {
namespace {

constexpr std::string_view kXmpStart("http://ns.adobe.com/xap/1.0/\0", 29);

// Bytes of a whole number of a TIFF type: BYTE is none here, Pillow takes it for raw bytes.
size_t bytes_of_type(uint32_t type) {
  switch (type) {
    case 3:  // SHORT
    case 8:  // SSHORT
      return 2;
    case 4:  // LONG
    case 9:  // SLONG
      return 4;
    default:
      return 0;
  }
}

int checked(uint32_t orientation) {
  return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1;
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

}  // namespace

std::optional<int> exif_orientation(std::span<const uint8_t> block) {
  const ExifBlock tiff(without_exif_start(block));
  if (!tiff.is_valid()) return std::nullopt;
  const size_t directory = tiff.u32(4);
  if (!tiff.has(directory, 2)) return std::nullopt;
  const size_t n_entries = tiff.u16(directory);
  std::optional<int> found;
  for (size_t i = 0; i < n_entries; ++i) {
    const size_t entry = directory + 2 + 12 * i;
    if (!tiff.has(entry, 12)) break;
    constexpr uint32_t kOrientation = 0x0112;
    if (tiff.u16(entry) != kOrientation) continue;
    const size_t size = bytes_of_type(tiff.u16(entry + 2)), count = tiff.u32(entry + 4);
    size_t value = entry + 8;
    if (size * count > 4) value = tiff.u32(value);
    if (size == 0 || count == 0 || !tiff.has(value, size * count)) {
      found = 1;
      continue;
    }
    found = checked(size == 2 ? tiff.u16(value) : tiff.u32(value));
  }
  return found;
}

std::optional<int> xmp_orientation(std::string_view xmp) {
  constexpr std::string_view kName = "tiff:Orientation";
  for (size_t at = 0; (at = xmp.find(kName, at)) != std::string_view::npos;) {
    at += kName.size();
    size_t next = at;
    const auto pass_space = [&] {
      while (next < xmp.size() && is_space(xmp[next])) ++next;
    };
    pass_space();
    if (next >= xmp.size()) return std::nullopt;
    if (xmp[next] == '=') {
      ++next;
      pass_space();
      if (next >= xmp.size() || (xmp[next] != '"' && xmp[next] != '\'')) continue;
    } else if (xmp[next] != '>') {
      continue;
    }
    ++next;
    pass_space();
    if (next < xmp.size() && digit_of(xmp[next]) >= 0 && digit_of(xmp[next]) <= 9)
      return checked(static_cast<uint32_t>(digit_of(xmp[next])));
  }
  return std::nullopt;
}

std::vector<uint8_t> raw_profile(std::string_view text) {
  for (int line = 0; line < 3; ++line) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  std::vector<uint8_t> bytes;
  int high = -1;
  for (const char c : text) {
    if (is_space(c)) continue;
    const int digit = digit_of(c);
    if (digit < 0) break;
    if (high >= 0) bytes.push_back(static_cast<uint8_t>(high << 4 | digit));
    high = high >= 0 ? -1 : digit;
  }
  return bytes;
}

int OrientationFinder::orientation() const {
  if (const std::optional<int> found = exif_orientation(exif_ ? *exif_ : profile_)) return *found;
  if (xmp_) return *xmp_;
  // A raw profile of APP1 may hold XMP in place of EXIF.
  const std::string_view profile = text_of(profile_);
  return profile.starts_with(kXmpStart) ? xmp_orientation(profile).value_or(1) : 1;
}

}  // namespace primal::codec
