#include "tensor/device.h"

#include "tensor/error.h"

namespace primal {

Device Device::parse(std::string_view text) {
  if (text == "cpu" || text == "auto") return Device{};
  if (text.starts_with("cuda")) {
    throw DeviceError("[device] {} was asked for, but this build has only: cpu", text);
  }
  throw DeviceError("[device] '{}' is not a device; this build has: cpu", text);
}

std::string Device::str() const { return "cpu"; }

}  // namespace primal
