// NumPy arrays as pictures: .npy, and .npz, a ZIP archive with one such array.
//
//   shape (H, W)       one picture
//   shape (P, H, W)    P pages
//   C and Fortran order, both byte orders; all three come back on output, and in a .npz the
//   array's name and packing
//
// Errors:  DataError naming the file and the byte for another shape, another type (64-bit integers, bool,
//          complex, records), a header that numpy.save does not write, samples that the file does not hold or
//          bytes that follow them; for a .npz without exactly one array.
#pragma once

#include "data/image/raster/raster.h"

namespace primal::codec {

bool is_npy(std::span<const uint8_t> start);
// A ZIP archive whose first entry ends in .npy, as numpy.savez writes it.
bool is_npz(std::span<const uint8_t> start);

Raster decode_npy(std::span<const uint8_t> bytes, const std::string& name);
Raster decode_npz(std::span<const uint8_t> bytes, const std::string& name);

std::vector<uint8_t> encode_npy(const Raster& raster);
std::vector<uint8_t> encode_npz(const Raster& raster);

}  // namespace primal::codec
