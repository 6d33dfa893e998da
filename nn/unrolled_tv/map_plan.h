// What the network needs to make the map of a picture, and so in which tiles it works.
//
// Memory is found by a rehearsal (tensor/rehearsal.h) of UnrolledTv::map_of_part for each size of tile: what
// is live at its peak beyond the picture and the whole map.
#pragma once

#include <cstdint>

#include "nn/unrolled_tv/unrolled_tv.h"

namespace primal {

struct MapPlan {
  int64_t tile = 0;  // for UnrolledTv::map_in_tiles; 0: the picture as a whole
  int64_t n_tiles = 1;
  int64_t bytes = 0;        // for the largest tile
  int64_t whole_bytes = 0;  // were it whole
};

// z [N,1,D,H,W] in tiles of a given size, 0: as a whole. ConfigError for a tile below 0.
MapPlan plan_map(const UnrolledTv& model, const Shape& z, int64_t tile);

// z as a whole where that takes no more than `limit` bytes; else in as few tiles as keep to it, down to 64
// cells.
MapPlan plan_map_within(const UnrolledTv& model, const Shape& z, int64_t limit);

}  // namespace primal
