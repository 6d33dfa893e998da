#include "tensor/simd_targets.h"

#include <hwy/highway.h>

namespace primal {

int64_t compiled_simd_targets() { return HWY_TARGETS; }

}  // namespace primal
