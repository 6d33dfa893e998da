// APNG: pictures of one size as one file that browsers play. What knows nothing of it shows the first picture, since everything else
// lies in chunks that such a reader passes over.
//
//   IHDR  acTL  fcTL IDAT  fcTL fdAT  fcTL fdAT  ...  IEND       fdAT: a number in sequence, then what would be an IDAT chunk
//
// The film begins anew without end. Errors: ShapeError for no pictures and for pictures that differ in size, channels or bits.
// Source: Portable Network Graphics (third edition), W3C 2025, section 11.3.6.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/image/image.h"

namespace primal {

// Each picture is shown for so many milliseconds.
std::vector<uint8_t> encode_apng(std::span<const Image> frames, int delay_ms);

}  // namespace primal
