// The options of upsample3d.h, apart, so that nvcc reads no more than it needs.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace primal {

enum class UpsampleMode { nearest, trilinear };

struct Upsample3dParams {
  std::array<int64_t, 3> scale{1, 2, 2};
  std::optional<std::array<int64_t, 3>> size = std::nullopt;  // D', H', W'; where given, scale is not read
  UpsampleMode mode = UpsampleMode::nearest;
  bool align_corners = false;
};

}  // namespace primal
