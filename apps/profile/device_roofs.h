// The roofs of a CUDA device, as roofs.h has those of the processor: multiply-adds of all threads together,
// and copies that stay in the L2 cache or go to memory, timed by the device's clock.
#pragma once

#include "apps/profile/roofs.h"
#include "tensor/device.h"

namespace primal {

// DeviceError for a device whose clock is the host's: the emulation has no roofs worth measuring.
Roofs measure_device_roofs(Device device);

}  // namespace primal
