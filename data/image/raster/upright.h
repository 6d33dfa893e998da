// The eight orientations of EXIF and TIFF (data/image/upright.cpp) for rasters.
#pragma once

#include "data/image/raster/raster.h"

namespace primal::codec {

// The raster turned and mirrored so that orientation becomes 1; each page alike. The resolutions of a TIFF
// turn with it.
Raster upright(Raster raster, int orientation);

}  // namespace primal::codec
