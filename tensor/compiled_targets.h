// The instruction sets that the vector kernels are compiled for (tensor/simd_targets.h), for those who tell
// of them.
#pragma once

#include <cstdint>

namespace primal {

// Highway's targets, one bit each; the lowest bit is the best.
int64_t compiled_targets();

}  // namespace primal
