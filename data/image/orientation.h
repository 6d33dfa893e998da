// How a picture lies in its file: what EXIF and XMP say of its orientation, found where Pillow finds it.
//
//   PNG    eXIf; text of the keywords "Raw profile type exif" (hexadecimal, ImageMagick) and "exif"; XMP as
//          text of the keyword "XML:com.adobe.xmp"; each before or after the picture
//   JPEG   APP1 "Exif\0\0", put together where there are several; XMP as APP1
//          "http://ns.adobe.com/xap/1.0/\0"
//   WebP   the chunks EXIF and "XMP ", before or after the picture, of a file that begins with a VP8X chunk
//          whose flags announce them
//
// Where there are several blocks of one kind, the last counts, but in WebP the first. eXIf counts before a
// raw profile, and an EXIF block with an orientation counts before XMP. Beyond Pillow: "Raw profile type
// APP1" (older ImageMagick), and XMP with white space or single quotes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace primal::codec {

// The value of the orientation tag in an EXIF block, with or without "Exif\0\0" before it; 1 for a value out
// of 1..8, nothing where there is no such tag or the block makes no sense.
std::optional<int> exif_orientation(std::span<const uint8_t> block);

// The value of tiff:Orientation, as an attribute or an element; nothing where there is none.
std::optional<int> xmp_orientation(std::string_view xmp);

// The bytes of "\nexif\n    1234\n45786966 0000...": three lines, then hexadecimal digits. Ends at the
// first that is none.
std::vector<uint8_t> raw_profile(std::string_view text);

// The blocks of one file, and what they come to.
class OrientationFinder {
 public:
  void add_exif(std::span<const uint8_t> block) { exif_.emplace(block.begin(), block.end()); }
  void append_exif(std::span<const uint8_t> part) {
    if (!exif_) exif_.emplace();
    exif_->insert(exif_->end(), part.begin(), part.end());
  }
  void add_raw_profile(std::string_view text) { profile_ = raw_profile(text); }
  void add_xmp(std::string_view xmp) { xmp_ = xmp_orientation(xmp); }

  int orientation() const;  // 1..8

 private:
  std::optional<std::vector<uint8_t>> exif_;
  std::vector<uint8_t> profile_;
  std::optional<int> xmp_;
};

}  // namespace primal::codec
