// The netpbm family: PGM and PPM (P2 P3 P5 P6, up to 16 bit), and PFM (Pf PF), whose samples are floats.
//
//   P5 # comments may stand anywhere in the header
//   WIDTH HEIGHT WHITE        WHITE 1 .. 65535; samples of one byte up to 255, else of two, high byte first
//
//   Pf
//   WIDTH HEIGHT
//   -1.0                      below 0: low byte first; its size is a unit that is kept and not applied. The
//                             rows go from the bottom up.
//
// WHITE is what a sample of 1.0 is and comes back on output, like a PFM's scale and byte order. If a file
// holds several pictures, the first is read, with a remark.
// Errors:  DataError naming the file, the byte, what was expected and found.
// Source:  netpbm, pgm(5), ppm(5); pfm by Paul Debevec.
#pragma once

#include "data/image/raster/raster.h"

namespace primal::codec {

bool is_pnm(std::span<const uint8_t> start);
bool is_pfm(std::span<const uint8_t> start);

Raster decode_pnm(std::span<const uint8_t> bytes, const std::string& name);
Raster decode_pfm(std::span<const uint8_t> bytes, const std::string& name);

std::vector<uint8_t> encode_pnm(const Raster& raster);
std::vector<uint8_t> encode_pfm(const Raster& raster);

}  // namespace primal::codec
