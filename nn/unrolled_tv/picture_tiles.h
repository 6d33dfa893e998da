// How a picture of any size comes to a network that takes multiples of pool^blocks: padded, and perhaps in
// tiles.
#pragma once

#include <array>
#include <vector>

#include "nn/cell_box.h"
#include "nn/pad3d/pad3d_params.h"
#include "tensor/shape.h"

namespace primal {

// Evenly on both sides, the odd cell at the end; by reflection, or by the edge along an extent that is not
// longer than its padding.
struct PicturePadding {
  PicturePadding(const Shape& z, const std::array<int64_t, 3>& multiple);  // z [N,C,D,H,W]

  bool any = false;  // is there something to add
  Pad3dParams pad;
  Crop3dParams crop;                 // undoes it
  CellBox picture;                   // where the picture lies in what is padded
  std::array<int64_t, 3> extents{};  // of what is padded
};

// The picture in tiles, row by row. Where two meet is a multiple; each is at most `tile` cells long, but at
// least a multiple, and all are about equal. ConfigError for a tile below 1.
std::vector<CellBox> tiles_of(const CellBox& picture, const std::array<int64_t, 3>& multiple, int64_t tile);

}  // namespace primal
