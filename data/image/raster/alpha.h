// Transparency of rasters.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/image/raster/sample_type.h"

namespace primal {

struct Raster;

// The largest alpha: all that an integer holds, 1 for floats.
double opaque(SampleType type);

// The same alpha in samples of another type.
std::vector<uint8_t> alpha_as(SampleType to, SampleType from, std::span<const uint8_t> alpha);

// The colours divided by an associated alpha, which most formats do not know.
Raster with_straight_colours(Raster raster);

}  // namespace primal
