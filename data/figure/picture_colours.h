// The colours of a picture's pixels, without a figure around them.
#pragma once

#include <vector>

#include "data/figure/colour.h"
#include "data/figure/figure.h"

namespace primal {

// [H, W] row-major, as its scale says: grey, or map_colour() from `low` to `high`, linear or logarithmic.
// ShapeError for values that are not one picture [..., H, W] of f32 or f64.
std::vector<Colour> picture_colours(const Picture& picture);

}  // namespace primal
