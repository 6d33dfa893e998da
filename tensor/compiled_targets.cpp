#include "tensor/compiled_targets.h"

#include "tensor/simd_targets.h"

namespace primal {

int64_t compiled_targets() { return HWY_TARGETS; }

}  // namespace primal
