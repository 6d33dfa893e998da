// Shared memory as the emulation gives it to kernels: Shared<float[8][33]>, an array whose every
// dimension is checked, and SharedPointer<T>, a pointer into such an array or into the dynamic
// shared memory of the launch.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "tensor/simt/pointer.h"

namespace primal::simt {

template <class T>
using SharedPointer = Pointer<T, Memory::shared>;

// A variable of a kernel, as messages call it.
struct SharedType {
  const char* name;
  size_t bytes, element_bytes;
  std::array<int64_t, 4> extent;  // outermost first, 0 beyond the last
};

template <class T>
constexpr SharedType shared_type(const char* name) {
  static_assert(std::rank_v<T> <= 4, "at most four dimensions");
  return {name,
          sizeof(T),
          sizeof(std::remove_all_extents_t<T>),
          {std::extent_v<T, 0>, std::extent_v<T, 1>, std::extent_v<T, 2>, std::extent_v<T, 3>}};
}

// Memory of the block that runs: a heap block of its own for each variable, found by the address of
// a key that the declaration owns. (A static thread_local would be one variable for all the blocks
// of a cooperative launch.)
struct SharedMemory {
  void* data;
  size_t bytes;
  bool recorded;
};
SharedMemory shared_variable(const void* key, const SharedType& type, void (*fill)(void*, size_t));
SharedMemory dynamic_shared_memory();
// The whole of what holds that address, a variable or the dynamic shared memory, of a block of the cluster.
SharedMemory shared_memory_at(const void* address);
// What lies at that address, in the block of that rank.
void* shared_of_rank(const void* address, unsigned rank, Where where);

[[gnu::noinline, gnu::cold]] void slow_shared_access(const void* address, size_t bytes, Access access,
                                                     Where where);
[[noreturn]] void report_out_of_extent(const void* array, size_t rank, int64_t index, int64_t extent,
                                       Where where);
[[noreturn]] void report_unwritten_shared(const void* address, Poisoned state, Where where);

template <class T>
SharedPointer<T> shared_pointer(T* address) {
  const SharedMemory memory = shared_memory_at(address);
  T* const begin = static_cast<T*>(memory.data);
  return {begin, static_cast<int64_t>(memory.bytes / sizeof(T)), address - begin, memory.recorded};
}

// One element of an array whose indices have been checked.
template <class T>
struct SharedPlace {
  using Value = T;

  [[gnu::always_inline]] T load(const Index& i) const {
    const T value = *access(i, Access::read);
    if (const Poisoned state = poisoned(value); state != Poisoned::no) [[unlikely]]
      report_unwritten_shared(address, state, i.where);
    return value;
  }
  [[gnu::always_inline]] T* access(const Index& i, Access access) const {
    if (recorded) [[unlikely]]
      slow_shared_access(address, sizeof(T), access, i.where);
    return address;
  }
  SharedPointer<T> operator+(int64_t n) const { return shared_pointer(address) + n; }

  T* address;
  bool recorded;
};

template <class T>
class Shared;

template <class T, size_t n>
class Shared<T[n]> {
 public:
  Shared(T* first, bool recorded) : first_(first), recorded_(recorded) {}

  [[gnu::always_inline]] auto operator[](const Index& i) const {
    if (static_cast<uint64_t>(i.number) >= n) [[unlikely]]
      report_out_of_extent(first_, std::rank_v<T[n]>, i.number, n, i.where);
    if constexpr (std::is_array_v<T>)
      return Shared<T>(first_[i.number], recorded_);
    else
      return Reference<SharedPlace<T>>({first_ + i.number, recorded_}, Index(0, i.where));
  }
  [[gnu::always_inline]] auto operator*() const { return (*this)[Index(0, Where())]; }
  SharedPointer<T> operator+(int64_t i) const { return shared_pointer(first_) + i; }

  // Watched less.
  template <class Plain>
  requires(std::same_as<Plain, T*> || std::same_as<Plain, const T*>) operator Plain() const { return first_; }

  Shared of_rank(unsigned rank, Where where) const {
    return {static_cast<T*>(shared_of_rank(first_, rank, where)), recorded_};
  }

 private:
  T* first_;
  bool recorded_;
};

// Shared<T> of an array type, a reference to the value otherwise.
template <class T>
auto shared_variable(const void* key, const char* name, Where where = Where::current()) {
  using Element = std::remove_all_extents_t<T>;
  const SharedMemory memory = shared_variable(key, shared_type<T>(name), fill_poison<Element>);
  if constexpr (std::is_array_v<T>) {
    return Shared<T>(*static_cast<T*>(memory.data), memory.recorded);
  } else {
    return Reference<SharedPlace<T>>({static_cast<T*>(memory.data), memory.recorded}, Index(0, where));
  }
}

template <class T>
SharedPointer<T> dynamic_shared() {
  const SharedMemory memory = dynamic_shared_memory();
  return {static_cast<T*>(memory.data), static_cast<int64_t>(memory.bytes / sizeof(T)), 0, memory.recorded};
}

template <class U, class T, size_t n>
auto as(const Shared<T[n]>& array) {
  return as<U>(array + 0);
}

// Shared memory of the block of that rank in the cluster: its `array`, or what its own `pointer` would point
// to.
template <class T>
Shared<T> map_shared(const Shared<T>& array, unsigned rank, Where where = Where::current()) {
  return array.of_rank(rank, where);
}
template <class T>
SharedPointer<T> map_shared(const SharedPointer<T>& pointer, unsigned rank, Where where = Where::current()) {
  T* const buffer = static_cast<T*>(shared_of_rank(pointer.buffer(), rank, where));
  return {buffer, pointer.size(), pointer.first(), pointer.recorded()};
}

#define PRIMAL_SHARED(Type, name, ...)  \
  static constexpr char name##_key = 0; \
  const auto name = ::primal::simt::shared_variable<Type __VA_ARGS__>(&name##_key, #name)

#define PRIMAL_DYNAMIC_SHARED(Type, name) const auto name = ::primal::simt::dynamic_shared<Type>()

}  // namespace primal::simt
