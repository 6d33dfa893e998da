// TIFF and BigTIFF through libtiff (4.5 or later, optional: a build without it names the package in its
// error).
//
//   samples      unsigned and signed integers of 8, 16 and 32 bit, floats of 16, 32 and 64 bit
//   colour       grey (either end black) and RGB, with samples interleaved or in planes, and alpha beside
//                either
//   layout       strips or tiles, either byte order; stored, LZW, deflate or PackBits, with any predictor
//   pages        all directories but thumbnails and masks; they have the same size, channels, type,
//                transparency, orientation and end of the scale that is white
//   orientation  applied, as everywhere: row 0 is the top of the scene
//
// Unsigned samples of a file whose zero is white are turned around in memory and back on output; for others
// the tag says how to show them and is kept. Byte order, BigTIFF, packing, predictor (but for floats in the
// other byte order), tiles, what alpha is, the profile of the first page and each page's resolution and
// description come back on output. For a stack of ImageJ (data/image/tiff/imagej.h) that is not packed, the
// samples of all pages lie in one piece. What ImageJ stores in tags of its own is left out with a remark.
// Errors:  DataError naming the file, the page (from 1), what was expected and found. What libtiff says goes
//          into errors and remarks, never to the terminal.
#pragma once

#include "data/image/raster/raster.h"

namespace primal::codec {

bool is_tiff(std::span<const uint8_t> start);
Raster decode_tiff(std::span<const uint8_t> bytes, const std::string& name);
std::vector<uint8_t> encode_tiff(const Raster& raster, const PngText& text);

}  // namespace primal::codec
