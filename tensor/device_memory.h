// How much memory a device has left.
#pragma once

#include <cstdint>

#include "tensor/device.h"

namespace primal {

// Bytes that the device reports as free, without those that the pool holds for later; 0 if it does not report
// them.
int64_t free_bytes(Device device);

}  // namespace primal
