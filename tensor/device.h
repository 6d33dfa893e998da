// Device: where a tensor lives and where an op runs. This build knows the CPU.
#pragma once

#include <string>
#include <string_view>

namespace primal {

struct Device {
  enum class Kind { cpu };
  Kind kind = Kind::cpu;
  int index = 0;

  // "cpu" or "auto" -> the CPU; anything else is a DeviceError that says what this build has.
  static Device parse(std::string_view text);
  std::string str() const;
  bool operator==(const Device&) const = default;
};

}  // namespace primal
