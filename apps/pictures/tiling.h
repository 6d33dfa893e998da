// --tile: whether the network works on a picture as a whole or in tiles, which takes the memory of one tile.
#pragma once

#include <string>

#include "nn/unrolled_tv/map_plan.h"

namespace primal {

struct Tiling {
  std::string text = "auto";  // auto, off, or the most pixels along a side
};

// auto: a whole picture where its network needs at most 512 MiB, on a CUDA device half of the free memory;
// else as few tiles as keep to that.
MapPlan plan_map(const UnrolledTv& model, const Shape& z, const Tiling& tiling);

// "25 tiles of at most 824 x 824 pixels, 0.97 GB (9.2 GB as a whole)"; empty for a whole picture.
std::string tiles_text(const MapPlan& plan);

}  // namespace primal
