#include "tensor/cuda/precision.h"

#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>

#include "tensor/error.h"

namespace primal {
namespace {

std::atomic<Precision>& setting() {
  static std::atomic<Precision> value = Precision::fp32;
  return value;
}

}  // namespace

Precision precision() { return setting(); }
void set_precision(Precision precision) { setting() = precision; }

float rounded_to_tf32(float x) {
  if (!std::isfinite(x)) return x;
  constexpr uint32_t kLow = 0x1FFF;
  return std::bit_cast<float>((std::bit_cast<uint32_t>(x) + kLow / 2 + 1) & ~kLow);
}

Precision parse_precision(std::string_view text) {
  if (text == "fp32") return Precision::fp32;
  if (text == "tf32") return Precision::tf32;
  throw ConfigError("[--precision] expects fp32 or tf32, found '{}'", text);
}

}  // namespace primal
