// APNG: pictures of one size in one file that browsers play as an animation. Other readers show the first
// picture, since all others are stored in chunks that such readers skip.
//
//   IHDR  acTL  fcTL IDAT  fcTL fdAT  fcTL fdAT  ...  IEND       fdAT: a sequence number, then the
//                                                                contents of an IDAT chunk
//
// The animation repeats endlessly. Errors: ShapeError for no pictures and for pictures that differ
// in size, channels or bits.
// Source: Portable Network Graphics (third edition), W3C 2025, section 11.3.6.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/image/image.h"

namespace primal {

// Each picture is shown for the given number of milliseconds.
std::vector<uint8_t> encode_apng(std::span<const Image> frames, int delay_ms);

}  // namespace primal
