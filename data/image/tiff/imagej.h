// What ImageJ writes into the description of a TIFF's first page:
//
//   ImageJ=1.54f
//   images=10
//   slices=10
//   ...
//
// Where a file is not packed, ImageJ takes `images` for the number of planes that lie one behind the other
// from the first strip on, and does not look at the other directories; tifffile does the same with the
// product of `channels`, `slices` and `frames`. For a stack of more than 4 GB ImageJ writes the first
// directory alone.
//
// Source: ImageJ 1.52i, ij/io/TiffDecoder.java (saveImageDescription, getTiffInfo) and TiffEncoder.java.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace primal::codec {

bool is_imagej_description(std::string_view description);

// The number after `images=`. 0 where there is none, or where the description is not ImageJ's.
int64_t imagej_images(std::string_view description);

// The same description without that line.
std::string without_imagej_images(std::string_view description);

}  // namespace primal::codec
