// The numbers that a picture file's samples may be, named as NumPy names them.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>

#include "data/file/half.h"

namespace primal {

enum class SampleType : uint8_t { u8, i8, u16, i16, u32, i32, f16, f32, f64 };

// A float of two bytes as it is stored.
struct Half {
  uint16_t bits;
};

// Calls `f.template operator()<T>()` with the C++ type of the samples.
template <class F>
decltype(auto) dispatch_sample(SampleType type, F&& f) {
  switch (type) {
    case SampleType::u8:
      return f.template operator()<uint8_t>();
    case SampleType::i8:
      return f.template operator()<int8_t>();
    case SampleType::u16:
      return f.template operator()<uint16_t>();
    case SampleType::i16:
      return f.template operator()<int16_t>();
    case SampleType::u32:
      return f.template operator()<uint32_t>();
    case SampleType::i32:
      return f.template operator()<int32_t>();
    case SampleType::f16:
      return f.template operator()<Half>();
    case SampleType::f32:
      return f.template operator()<float>();
    case SampleType::f64:
      break;
  }
  return f.template operator()<double>();
}

inline size_t bytes_of(SampleType type) {
  return dispatch_sample(type, []<class T>() { return sizeof(T); });
}

inline bool is_float(SampleType type) { return type >= SampleType::f16; }

constexpr const char* name_of(SampleType type) {
  constexpr const char* kNames[]{"uint8", "int8",    "uint16",  "int16",  "uint32",
                                 "int32", "float16", "float32", "float64"};
  return kNames[static_cast<size_t>(type)];
}

// A sample as a number, and the nearest sample to a number: integers are rounded and held within their type,
// floats within what they can hold.
template <class T>
double value_of(T sample) {
  if constexpr (std::is_same_v<T, Half>)
    return from_half(sample.bits);
  else
    return static_cast<double>(sample);
}

template <class T>
T sample_of(double value) {
  if constexpr (std::is_same_v<T, Half>) {
    return Half{to_half(value)};
  } else if constexpr (std::is_same_v<T, double>) {
    return value;
  } else if constexpr (std::is_same_v<T, float>) {
    constexpr double kLargestFloat = std::numeric_limits<float>::max();
    return static_cast<float>(std::clamp(value, -kLargestFloat, kLargestFloat));
  } else {
    constexpr double kLowestSample = std::numeric_limits<T>::min(),
                     kHighestSample = std::numeric_limits<T>::max();
    // A NaN fails the comparison and becomes the lowest.
    const double held =
        value > kLowestSample ? std::min(std::floor(value + 0.5), kHighestSample) : kLowestSample;
    return static_cast<T>(held);
  }
}

// Turns each number of so many bytes around.
inline void swap_bytes(std::span<uint8_t> bytes, size_t size) {
  for (size_t at = 0; size > 1 && at + size <= bytes.size(); at += size)
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                 bytes.begin() + static_cast<std::ptrdiff_t>(at + size));
}

inline constexpr bool kNativeIsBig = std::endian::native == std::endian::big;

}  // namespace primal
