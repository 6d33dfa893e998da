// Which cells of a picture and of its levels a U-Net computes so that a window of its result is exact.
//
// Backwards from the window wanted: a double convolution reads 2 (kernel / 2) cells beyond its result on each
// side; the upsampling's sources follow from the place in the whole picture, as its weights do with aligned
// corners; pooling makes cell j of cells [j pool, (j + 1) pool). Where a window ends inside the picture, a
// convolution finds zeros in place of neighbours; what these spoil is never read. Where it ends with the
// picture, it finds the zeros of the whole.
//
// The thesis model reads 58 cells beyond a window on each side; 56 where the window begins and ends at
// multiples of 8.
#pragma once

#include <array>
#include <vector>

#include "nn/cell_box.h"
#include "nn/unet/unet.h"

namespace primal {

struct UNetWindows {
  std::vector<CellBox>
      encoder;  // [blocks + 1] of level i, what its double convolution sees; [0] is the part of the picture
  std::vector<CellBox> decoder;  // [blocks] of level i, what its decoder's double convolution sees
};

// For `window` of a picture of these extents (D, H, W), which are multiples of pool^blocks.
UNetWindows unet_windows(const UNetOptions& options, const std::array<int64_t, 3>& extents,
                         const CellBox& window);

}  // namespace primal
