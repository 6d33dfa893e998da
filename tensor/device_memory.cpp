#include "tensor/device_memory.h"

#include <algorithm>

namespace primal {

int64_t free_bytes(Device device) {
  const std::vector<DeviceInfo> all = devices();
  const auto info = std::ranges::find(all, device, &DeviceInfo::device);
  return info == all.end() ? 0 : static_cast<int64_t>(info->free_memory_bytes);
}

}  // namespace primal
