// The chunks of a PNG, sorted before libpng sees them: what the pixels need goes on to it, what says how the
// picture lies is read here, the rest is left out. So no length in the file makes libpng allocate or inflate,
// and a file whose pixels are whole is read whatever is wrong around them.
//
//   length (u32, big endian), type (4 letters; a small first letter: can be left out), data,
//   CRC-32 of type and data
//
// Source: PNG specification, third edition, 5.3 to 5.6 and 11.3.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/image/extras.h"

namespace primal::codec {

inline constexpr size_t kPngSignatureBytes = 8;

struct PngChunks {
  // What libpng reads, one piece after the other: signature, header, palette, transparency, picture data,
  // end.
  std::vector<std::span<const uint8_t>> pieces;
  int orientation = 1;
  // gAMA, cHRM and sRGB, and the profile of iCCP, which nobody has judged.
  ColourMeaning meaning;
  bool profile_is_too_long = false;
  // The file ends before its IEND chunk: where the pixels are whole nevertheless, it is a remark, else an
  // error.
  bool ends_early = false;
  std::vector<std::string> remarks;  // what was wrong and did not matter
};

// DataError where a chunk before the picture data is longer than the file. The meaning of the colours is
// read where it is wanted.
PngChunks sort_png_chunks(std::span<const uint8_t> bytes, const std::string& name,
                          bool wants_colours = false);

}  // namespace primal::codec
