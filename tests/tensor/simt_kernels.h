// Small kernels that use all of tensor/simt between them, on the emulation.
#pragma once

#include <cstdint>
#include <span>

namespace primal::simt {
#include "tests/tensor/simt_kernel_list.h"
}  // namespace primal::simt
