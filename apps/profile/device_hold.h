// DeviceHold: keeps a CUDA device busy for a moment, so that the host can queue the work that is about to be timed.
//
// A kernel that takes less time than its launch (5 to 10 microseconds) would otherwise be timed as long as the launch takes: the device
// reaches the first mark at once and then waits for the host. Behind a hold it finds everything queued, and the marks enclose
// nothing but its own work.
//
// Does nothing on other devices: theirs do not run ahead of the host.
#pragma once

#include <cstdint>

#include "tensor/device.h"
#include "tensor/tensor.h"

namespace primal {

class DeviceHold {
 public:
  // Measures once how long a round of its loop takes, so that each hold takes about `ms`.
  DeviceHold(Device device, double ms);

  void begin() const;  // returns at once

 private:
  Device device_;
  int64_t rounds_ = 0;
  Tensor sink_;
};

// Rounds for a hold of `ms`, where `rounds` took `us`: at least one, and at most kMostHoldRounds whatever the clock says.
int64_t hold_rounds(int64_t rounds, double us, double ms);
inline constexpr int64_t kMostHoldRounds = int64_t{1} << 24;

}  // namespace primal
