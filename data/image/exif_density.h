// The resolution that EXIF states.
#pragma once

#include <cstdint>
#include <span>

#include "data/image/image.h"

namespace primal::codec {

// XResolution, YResolution and ResolutionUnit (EXIF 2.32, 4.6.4 A) of an EXIF block, with or without
// "Exif\0\0" before it. Unknown if one of the first two is missing, or if the unit is neither the inch nor
// the centimetre.
PixelDensity exif_density(std::span<const uint8_t> block);

}  // namespace primal::codec
