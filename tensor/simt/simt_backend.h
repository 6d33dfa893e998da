// Memory of the emulated device: host memory, but each block a heap block of its own that starts as
// poison, so that AddressSanitizer sees what a kernel does beyond one, and a result that depends on
// what nobody wrote is known.
#pragma once

#include "tensor/backend.h"

namespace primal::simt {

Backend& simt_backend();

}  // namespace primal::simt
