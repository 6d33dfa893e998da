// What the PNG and JPEG readers share. Both C libraries report errors by longjmp; the rule that keeps this
// sound in C++ is that each stretch of library calls runs inside one guarded function whose frame holds
// nothing with a destructor, and everything that owns memory lives in a session object outside of it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "data/image/extras.h"
#include "data/image/image.h"

namespace primal::codec {

bool is_png(std::span<const uint8_t> bytes);
bool is_jpeg(std::span<const uint8_t> bytes);
// What the file holds besides goes to `extras` where somebody asks for it.
Image decode_png(std::span<const uint8_t> bytes, const std::string& name, ImageExtras* extras = nullptr);
Image decode_jpeg(std::span<const uint8_t> bytes, const std::string& name, ImageExtras* extras = nullptr);
std::vector<uint8_t> encode_png(const Image& image, const ImageExtras& extras, const PngText& text);

// DataError when the picture is larger than kMaxPixels, or cannot fit into `file_bytes` bytes:
// `max_pixels_per_byte` is what the format's compression reaches at the very best.
void check_extent(const std::string& name, const char* format, uint64_t width, uint64_t height,
                  uint64_t file_bytes, double max_pixels_per_byte);

// Rows of 8-bit samples are decoded into the front half of the 16-bit row they will fill, then spread over
// it.
inline uint8_t* row_bytes(uint16_t* row) { return reinterpret_cast<uint8_t*>(row); }
void widen_in_place(uint16_t* row, int64_t n_samples);

inline std::string_view text_of(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The picture turned and mirrored so that orientation becomes 1.
Image upright(Image image, int orientation);

}  // namespace primal::codec
