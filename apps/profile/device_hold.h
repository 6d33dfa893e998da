// DeviceHold keeps a CUDA device busy for a moment, so that the host can queue the work to be timed.
//
// Without it, the measured time of a kernel shorter than its launch (5 to 10 microseconds) would be that of
// the launch: the device reaches the first event at once and then waits for the host. After a hold everything
// is queued already, and the events enclose only the work of the device.
//
// Does nothing on other devices, which do not run asynchronously to the host.
#pragma once

#include <cstdint>

#include "tensor/device.h"
#include "tensor/tensor.h"

namespace primal {

class DeviceHold {
 public:
  // Measures once how long an iteration of the busy loop takes, so that each hold takes about `ms`.
  DeviceHold(Device device, double ms);

  void begin() const;  // returns at once

 private:
  Device device_;
  int64_t rounds_ = 0;
  Tensor sink_;
};

// The number of loop iterations for a hold of `ms` if `rounds` iterations took `us`: at least one and
// at most kMostHoldRounds.
int64_t hold_rounds(int64_t rounds, double us, double ms);
inline constexpr int64_t kMostHoldRounds = int64_t{1} << 24;

}  // namespace primal
