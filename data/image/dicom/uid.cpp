#include "data/image/dicom/uid.h"

#include <algorithm>
#include <array>
#include <bit>

namespace primal::codec {
namespace {

// The finalizer of SplitMix64, in which every bit of the input moves every bit of the output.
uint64_t mixed(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// A number of 128 bits as its four digits to the base 2^32, the highest first, becomes a decimal text.
std::string decimal(std::array<uint32_t, 4> digits) {
  std::string text;
  while (std::ranges::any_of(digits, [](uint32_t d) { return d != 0; })) {
    uint64_t rest = 0;
    for (uint32_t& digit : digits) {
      rest = rest << 32 | digit;
      digit = static_cast<uint32_t>(rest / 10);
      rest %= 10;
    }
    text += static_cast<char>('0' + rest);
  }
  std::ranges::reverse(text);
  return text;
}

}  // namespace

void ContentUid::add(std::span<const uint8_t> bytes) {
  const auto take = [this](uint64_t word) {
    low_ = (low_ ^ mixed(word)) * 0x100000001b3;
    high_ = mixed(std::rotl(high_, 23) + (word ^ low_));
  };
  uint64_t word = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    word |= uint64_t{bytes[i]} << (8 * (i % 8));
    if (i % 8 != 7 && i + 1 != bytes.size()) continue;
    take(word);
    word = 0;
  }
  take(bytes.size());
}

std::string ContentUid::str() const {
  const uint64_t a = mixed(low_ + high_), b = mixed(high_ ^ std::rotl(low_, 32));
  // The version in bits 48 to 51, the variant in bits 64 and 65.
  const uint64_t high = (a & ~uint64_t{0xf000}) | 0x8000, low = (b >> 2) | uint64_t{1} << 63;
  return "2.25." + decimal({static_cast<uint32_t>(high >> 32), static_cast<uint32_t>(high),
                            static_cast<uint32_t>(low >> 32), static_cast<uint32_t>(low)});
}

}  // namespace primal::codec
