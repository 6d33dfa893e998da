// The options of conv3d, for kernels too.
#pragma once

#include <array>
#include <cstdint>

namespace primal {

struct Conv3dParams {
  std::array<int64_t, 3> stride{1, 1, 1};
  std::array<int64_t, 3> padding{0, 0, 0};
};

}  // namespace primal
