// CUDA's atomic operations, on checked pointers and on plain ones. Each returns what was there. They are
// atomic between blocks too, in whatever order those come: as on the device, sums of floats may differ in
// their last bits from run to run.
#pragma once

#include <algorithm>
#include <atomic>
#include <concepts>
#include <type_traits>

#include "tensor/simt/pointer.h"

namespace primal::simt {

template <class T, class... Types>
concept OneOf = (std::same_as<T, Types> || ...);
// What CUDA has them for. (uint64_t is `unsigned long` on Linux, and not among them.)
template <class T>
concept AtomicInteger = OneOf<T, int, unsigned, unsigned long long>;
template <class T>
concept AtomicNumber = AtomicInteger<T> || OneOf<T, float, double>;

// Puts change(what was there) in its place.
template <class T, class Change>
T atomic_change(T* address, const Change& change) {
  std::atomic_ref<T> there(*address);
  T before = there.load(std::memory_order_relaxed);
  while (!there.compare_exchange_weak(before, change(before), std::memory_order_relaxed)) {
  }
  return before;
}
template <class T, Memory memory, class Change>
[[gnu::always_inline]] inline T atomic_change(const Pointer<T, memory>& address, const Index& first,
                                              const Change& change) {
  const T before = atomic_change(address.access(first, Access::update), change);
  if (const Poisoned state = poisoned(before); state != Poisoned::no) [[unlikely]]
    report_unwritten(memory, address.buffer(), address.size(), address.first(), state, first.where);
  return before;
}

#define PRIMAL_SIMT_ATOMIC(name, Concept, change)                                                         \
  template <Concept T>                                                                                    \
  T name(T* address, std::type_identity_t<T> value) {                                                     \
    return atomic_change(address, [value](T before) { return static_cast<T>(change); });                  \
  }                                                                                                       \
  template <Concept T, Memory memory>                                                                     \
  [[gnu::always_inline]] inline T name(const Pointer<T, memory>& address, std::type_identity_t<T> value,  \
                                       Where where = Where::current()) {                                  \
    return atomic_change(address, Index(0, where), [value](T before) { return static_cast<T>(change); }); \
  }

PRIMAL_SIMT_ATOMIC(atomicAdd, AtomicNumber, before + value)
PRIMAL_SIMT_ATOMIC(atomicSub, AtomicInteger, before - value)
PRIMAL_SIMT_ATOMIC(atomicMin, AtomicInteger, std::min(before, value))
PRIMAL_SIMT_ATOMIC(atomicMax, AtomicInteger, std::max(before, value))
PRIMAL_SIMT_ATOMIC(atomicAnd, AtomicInteger, before& value)
PRIMAL_SIMT_ATOMIC(atomicOr, AtomicInteger, before | value)
PRIMAL_SIMT_ATOMIC(atomicXor, AtomicInteger, before ^ value)
PRIMAL_SIMT_ATOMIC(atomicInc, AtomicInteger, before >= value ? 0 : before + 1)
#undef PRIMAL_SIMT_ATOMIC

template <AtomicNumber T>
T atomicExch(T* address, std::type_identity_t<T> value) {
  return atomic_change(address, [value](T) { return value; });
}
// May be the first to write there.
template <AtomicNumber T, Memory memory>
[[gnu::always_inline]] inline T atomicExch(const Pointer<T, memory>& address, std::type_identity_t<T> value,
                                           Where where = Where::current()) {
  return atomicExch(address.access(Index(0, where), Access::update), value);
}

template <AtomicInteger T>
T atomicCAS(T* address, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
  return atomic_change(address, [=](T before) { return before == expected ? value : before; });
}
template <AtomicInteger T, Memory memory>
[[gnu::always_inline]] inline T atomicCAS(const Pointer<T, memory>& address, std::type_identity_t<T> expected,
                                          std::type_identity_t<T> value, Where where = Where::current()) {
  return atomic_change(address, Index(0, where),
                       [=](T before) { return before == expected ? value : before; });
}

}  // namespace primal::simt
