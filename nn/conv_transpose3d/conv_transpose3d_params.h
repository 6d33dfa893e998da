// The options of conv_transpose3d, for kernels too.
#pragma once

#include <array>
#include <cstdint>

namespace primal {

struct ConvTranspose3dParams {
  std::array<int64_t, 3> stride{1, 1, 1};
  std::array<int64_t, 3> padding{0, 0, 0};
  std::array<int64_t, 3> output_padding{0, 0, 0};
};

}  // namespace primal
