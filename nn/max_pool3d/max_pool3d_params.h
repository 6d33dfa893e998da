// The options of max_pool3d.h, apart, so that nvcc reads no more than it needs.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace primal {

struct MaxPool3dParams {
  std::array<int64_t, 3> kernel{1, 2, 2};
  std::optional<std::array<int64_t, 3>> stride = std::nullopt;  // absent: the kernel, windows side by side
  std::array<int64_t, 3> padding{0, 0, 0};

  std::array<int64_t, 3> steps() const { return stride.value_or(kernel); }
};

}  // namespace primal
