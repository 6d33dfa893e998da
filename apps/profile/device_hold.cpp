#include "apps/profile/device_hold.h"

#include <algorithm>

#include "apps/profile/device_roof_kernels.h"
#include "tensor/backend.h"

namespace primal {

int64_t hold_rounds(int64_t rounds, double us, double ms) {
  const double wanted = static_cast<double>(rounds) * 1e3 * ms / std::max(us, 1.0);
  return static_cast<int64_t>(std::clamp(wanted, 1.0, static_cast<double>(kMostHoldRounds)));
}

#if PRIMAL_HAS_CUDA
DeviceHold::DeviceHold(Device device, double ms) : device_(device) {
  if (device.kind != Device::Kind::cuda) return;
  sink_ = Tensor::zeros({256}, DType::f32, device);  // one block: the other multiprocessors stay as they are
  constexpr int64_t kTrial = 1 << 14;
  rounds_ = kTrial;
  begin();  // the first launch also loads the kernel
  const std::unique_ptr<DeviceClock> clock = backend(device).clock();
  clock->mark();
  begin();
  clock->mark();
  const std::vector<double> us = clock->times_us();
  rounds_ = hold_rounds(kTrial, us[1] - us[0], ms);
}

void DeviceHold::begin() const {
  if (rounds_ > 0) cuda::roof_kernels.fma(exec_on(device_), rounds_, sink_.device_span<float>());
}
#else
DeviceHold::DeviceHold(Device device, double) : device_(device) {}
void DeviceHold::begin() const {}
#endif

}  // namespace primal
