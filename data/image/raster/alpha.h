// Transparency of rasters.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/image/raster/sample_type.h"

namespace primal {

struct Raster;

// The largest alpha: the largest value of an integer type, 1 for floats.
double opaque(SampleType type);

// The same alpha converted to another sample type.
std::vector<uint8_t> alpha_as(SampleType to, SampleType from, std::span<const uint8_t> alpha);

// Divides the colours by an associated alpha, which most formats do not support.
Raster with_straight_colours(Raster raster);

}  // namespace primal
