// PNG and JPEG files of every kind, made in memory with the libraries themselves.
#pragma once

#include <cstdint>
#include <vector>

namespace primal::testing {

struct PngKind {
  int bit_depth = 8;
  int colour_type = 0;  // PNG_COLOR_TYPE_*
  bool interlaced = false;
  bool transparent = false;  // adds a tRNS chunk
  int orientation = 0;       // adds an eXIf chunk
};

// rows: packed as PNG stores them, 16-bit samples big endian. palette: r, g, b, r, g, b, ... where the kind
// has one.
std::vector<uint8_t> make_png(const PngKind& kind, int width, int height,
                              const std::vector<std::vector<uint8_t>>& rows,
                              const std::vector<uint8_t>& palette = {});

struct JpegKind {
  int channels = 1;  // 1 grey, 3 RGB, 4 CMYK
  bool ycck = false;
  bool progressive = false;
  bool arithmetic = false;
  int orientation = 0;  // adds an EXIF marker
  bool big_endian = true;
  int quality = 95;
};

// pixels [height, width, channels]; CMYK as stored, that is inverted.
std::vector<uint8_t> make_jpeg(const JpegKind& kind, int width, int height,
                               const std::vector<uint8_t>& pixels);

// A TIFF structure with the one entry an orientation needs, after another entry.
std::vector<uint8_t> make_exif(int orientation, bool big_endian);

}  // namespace primal::testing
