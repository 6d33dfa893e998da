// The options of pad3d.h, apart, so that nvcc reads no more than it needs.
#pragma once

#include <array>
#include <cstdint>

namespace primal {

enum class PadMode { zero, edge, reflect, circular };

struct Pad3dParams {
  std::array<int64_t, 3> low{0, 0, 0};   // cells before the first one of D, H, W
  std::array<int64_t, 3> high{0, 0, 0};  // cells behind the last one
  std::array<PadMode, 3> mode{PadMode::zero, PadMode::zero, PadMode::zero};  // of D, H, W
};

struct Crop3dParams {
  std::array<int64_t, 3> low{0, 0, 0};
  std::array<int64_t, 3> high{0, 0, 0};
};

}  // namespace primal
