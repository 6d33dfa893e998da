// The options of upsample3d.h, apart, so that nvcc reads no more than it needs.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "nn/cell_box.h"

namespace primal {

enum class UpsampleMode { nearest, trilinear };

// For x that is a part of a larger volume, and y that is to be a part of the larger result.
struct Upsample3dWindow {
  std::array<int64_t, 3> whole{};    // D, H, W of that volume
  std::array<int64_t, 3> x_begin{};  // the cell of it that is the first one of x
  CellBox y{};                       // the cells of the larger result that y has
};

struct Upsample3dParams {
  std::array<int64_t, 3> scale{1, 2, 2};
  std::optional<std::array<int64_t, 3>> size = std::nullopt;  // D', H', W'; where given, scale is not read
  UpsampleMode mode = UpsampleMode::nearest;
  bool align_corners = false;
  // Where given, scale and size are those of the larger volume.
  std::optional<Upsample3dWindow> window = std::nullopt;
};

}  // namespace primal
