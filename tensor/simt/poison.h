// Poison: what memory of the emulation holds until somebody writes it. For f32 and f64 a signalling NaN with
// a payload of its own, which arithmetic makes quiet and hands on, so that a result computed from such memory
// is known by its bits; for 4- and 8-byte integers a value nobody computes. Smaller types have no value to
// spare and are not checked.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace primal::simt {

constexpr uint32_t kPoison32 = 0x7F8DEAD5;
constexpr uint64_t kPoison64 = 0x7FF0DEADBEEF5EED;
constexpr uint32_t kQuiet32 = 0x00400000;
constexpr uint64_t kQuiet64 = 0x0008000000000000;

// The type of a vector's components (float for float4); T itself where T is no vector.
template <class T>
struct Scalar {
  using Type = T;
};
template <class T>
requires requires { typename T::Component; }
struct Scalar<T> {
  using Type = typename T::Component;
};

template <class T>
constexpr uint64_t poison_bits() {
  return sizeof(T) == 8 ? kPoison64 : kPoison32;
}

enum class Poisoned { no, never_written, computed_from_such };

template <class T>
[[gnu::always_inline]] inline Poisoned poisoned(const T& value) {
  if constexpr (std::is_arithmetic_v<T> && (sizeof(T) == 4 || sizeof(T) == 8)) {
    using Bits = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
    Bits bits;
    std::memcpy(&bits, &value, sizeof bits);
    constexpr Bits pattern = static_cast<Bits>(poison_bits<T>());
    if constexpr (std::is_floating_point_v<T>) {
      // Arithmetic sets the quiet bit, a negation changes the sign.
      constexpr Bits quiet = sizeof(T) == 8 ? static_cast<Bits>(kQuiet64) : static_cast<Bits>(kQuiet32);
      constexpr Bits sign = Bits{1} << (8 * sizeof(T) - 1);
      if ((bits & ~(quiet | sign)) != pattern) return Poisoned::no;
      return bits == pattern ? Poisoned::never_written : Poisoned::computed_from_such;
    } else if (bits == pattern) {
      return Poisoned::never_written;
    }
  } else if constexpr (requires { typename T::Component; }) {
    using Component = typename T::Component;
    Component components[sizeof(T) / sizeof(Component)];
    std::memcpy(components, &value, sizeof value);
    for (const Component& component : components) {
      if (const Poisoned state = poisoned(component); state != Poisoned::no) return state;
    }
  }
  return Poisoned::no;
}

// Fills with the pattern of T; of types without one, with that of 4 bytes, whose parts they then hold.
template <class T>
void fill_poison(void* to, size_t bytes) {
  const uint64_t word =
      sizeof(typename Scalar<T>::Type) == 8 ? kPoison64 : (uint64_t{kPoison32} << 32 | kPoison32);
  auto* at = static_cast<unsigned char*>(to);
  for (size_t i = 0; i < bytes; i += sizeof word) {
    std::memcpy(at + i, &word, bytes - i < sizeof word ? bytes - i : sizeof word);
  }
}

}  // namespace primal::simt
