// IEEE 754 binary16, the float of two bytes, from and to wider numbers.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace primal {

// Exactly.
inline float from_half(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16, exponent = half >> 10 & 0x1f,
                 fraction = half & 0x3ff;
  if (exponent == 0) return (sign != 0 ? -1.0f : 1.0f) * static_cast<float>(fraction) * 0x1p-24f;
  const uint32_t widened = exponent == 0x1f ? 0xff : exponent + 127 - 15;
  return std::bit_cast<float>(sign | widened << 23 | fraction << 13);
}

// The nearest, ties to even; numbers beyond the largest, 65504, become it. A NaN stays one.
inline uint16_t to_half(double value) {
  if (std::isnan(value)) return 0x7e00;
  const uint32_t sign = std::signbit(value) ? 0x8000 : 0;
  const double magnitude = std::min(std::abs(value), 65504.0);
  // Fractions have 10 bits; below 2^-14 the exponent stays and the number is subnormal.
  const int exponent = magnitude == 0.0 ? -14 : std::max(std::ilogb(magnitude), -14);
  auto fraction = static_cast<uint32_t>(std::nearbyint(std::ldexp(magnitude, 10 - exponent)));
  // 1024 is the leading one; a fraction that was rounded up to 2048 carries into the exponent.
  const uint32_t bits = fraction < 1024 ? fraction : (static_cast<uint32_t>(exponent + 14) << 10) + fraction;
  return static_cast<uint16_t>(sign | bits);
}

}  // namespace primal
