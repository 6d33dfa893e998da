// NumPy arrays as pictures: .npy, and .npz, a ZIP archive with one such array.
//
//   shape (H, W)          one picture
//   shape (H, W, 3)       one picture in colour: R, G and B, as Pillow, imageio and scikit-image have them
//   shape (P, H, W)       P pages, unless the last extent is 3
//   shape (P, H, W, 3)    P pages in colour
//   C and Fortran order, both byte orders; the shape and both orders come back on output, and in a .npz
//   the array's name and packing. A picture in colour that has become grey loses its last axis.
//
// Shapes (H, W, 1), (H, W, 2) and (H, W, 4) with H and W of at least kLeastChannelsSide are refused: they are
// grey, grey with alpha, and RGB with alpha, and nobody's pages are that narrow. Smaller ones are pages.
//
// Errors:  DataError naming the file and the byte for another shape, another type (64-bit integers, bool,
//          complex, records), a header that numpy.save does not write, samples that the file does not hold or
//          bytes that follow them; for a .npz without exactly one array.
#pragma once

#include "data/image/raster/raster.h"

namespace primal::codec {

inline constexpr int64_t kLeastChannelsSide = 16;

bool is_npy(std::span<const uint8_t> start);
// A ZIP archive whose first entry ends in .npy, as numpy.savez writes it.
bool is_npz(std::span<const uint8_t> start);

Raster decode_npy(std::span<const uint8_t> bytes, const std::string& name);
Raster decode_npz(std::span<const uint8_t> bytes, const std::string& name);

// DataError naming the picture if an array of this raster would be read as something else: pages that are 3
// pixels wide, for example. Needs no samples.
void check_array(const Raster& raster, const std::string& name);

std::vector<uint8_t> encode_npy(const Raster& raster);
std::vector<uint8_t> encode_npz(const Raster& raster);

}  // namespace primal::codec
