// WebP through libwebp (optional: a build without it names the package in its error): lossy and
// lossless in, lossless out.
//
// 8-bit RGB, whose transparency is left out; grey is written as RGB of equal channels, which is how
// WebP has it. Animations are refused. A WebP of one colour takes a few bytes whatever its size, so
// that the file's length bounds nothing: pictures of more than 2^20 pixels are read where there is a
// byte for each 4096 of them. Orientation and resolution are those of EXIF and XMP (orientation.h), and the
// orientation is applied; what is written has neither block.
// Errors:  DataError naming the file; ConfigError for a side beyond 16383 pixels on output.
#pragma once

#include "data/image/raster/raster.h"

namespace primal::codec {

bool is_webp(std::span<const uint8_t> start);
Raster decode_webp(std::span<const uint8_t> bytes, const std::string& name);
std::vector<uint8_t> encode_webp(const Raster& raster);

}  // namespace primal::codec
