// Pointer<T, memory>: a pointer that knows its buffer. Each access checks its range, each read that something
// has written there, and while a Recording lives both are written down. Global<T> is one into global memory.
//
// x[i] of memory one may write is a Reference: a read, a write, or both, as it is used.
// So `const float v = x[i]` reads, and `auto v = x[i]` does not yet.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "tensor/simt/poison.h"
#include "tensor/simt/where.h"

namespace primal::simt {

enum class Access : uint8_t { read, write, update };  // update: atomically read and written
enum class Memory : uint8_t { global, shared };

// Whether a Recording lives.
bool is_recording();

// The slow ways of an access. CheckFailed, naming kernel, block and thread where one runs, for one out of
// range or a read of memory that nothing has written; the others are recorded if there is a recording. Who
// calls tells one access of a kernel from another, so these are never inlined and their callers always are.
[[gnu::noinline, gnu::cold]] void slow_access(Memory memory, const void* buffer, int64_t size,
                                              int64_t element, size_t element_bytes, Access access,
                                              Where where);
[[noreturn]] void report_unwritten(Memory memory, const void* buffer, int64_t size, int64_t element,
                                   Poisoned state, Where where);

// Place: a Pointer, or another class with load(), access() and operator+.
template <class Place>
class Reference {
 public:
  using T = typename Place::Value;

  [[gnu::always_inline]] Reference(const Place& at, const Index& i) : at_(at), i_(i) {}
  Reference(const Reference&) = default;

  [[gnu::always_inline]] operator T() const { return at_.load(i_); }
  [[gnu::always_inline]] T operator=(T value) const {
    *at_.access(i_, Access::write) = value;
    return value;
  }
  [[gnu::always_inline]] T operator=(const Reference& other) const { return *this = static_cast<T>(other); }
  [[gnu::always_inline]] T operator+=(T value) const { return *this = static_cast<T>(load() + value); }
  [[gnu::always_inline]] T operator-=(T value) const { return *this = static_cast<T>(load() - value); }
  [[gnu::always_inline]] T operator*=(T value) const { return *this = static_cast<T>(load() * value); }
  [[gnu::always_inline]] T operator/=(T value) const { return *this = static_cast<T>(load() / value); }
  [[gnu::always_inline]] T operator|=(T value) const { return *this = static_cast<T>(load() | value); }
  [[gnu::always_inline]] T operator&=(T value) const { return *this = static_cast<T>(load() & value); }
  [[gnu::always_inline]] T operator^=(T value) const { return *this = static_cast<T>(load() ^ value); }
  [[gnu::always_inline]] T operator++() const { return *this += T(1); }
  [[gnu::always_inline]] T operator--() const { return *this -= T(1); }
  [[gnu::always_inline]] T operator++(int) const {
    const T before = load();
    *this = static_cast<T>(before + T(1));
    return before;
  }
  [[gnu::always_inline]] T operator--(int) const {
    const T before = load();
    *this = static_cast<T>(before - T(1));
    return before;
  }
  auto operator&() const { return at_ + i_.number; }

 private:
  [[gnu::always_inline]] T load() const { return at_.load(i_); }

  Place at_;
  Index i_;
};

template <class T, Memory memory>
class Pointer {
 public:
  using Value = std::remove_const_t<T>;

  Pointer() = default;
  explicit Pointer(std::span<T> buffer) : Pointer(buffer.data(), std::ssize(buffer), 0, is_recording()) {}
  Pointer(T* buffer, int64_t size, int64_t first, bool recorded)
      : buffer_(buffer), size_(size), first_(first), quick_(recorded ? 0 : static_cast<uint64_t>(size)) {}
  // What may be written may be read.
  operator Pointer<const T, memory>() const requires(!std::is_const_v<T>) {
    return {buffer_, size_, first_, recorded()};
  }
  // Shared memory may be watched less.
  template <class Plain>
  requires(memory == Memory::shared && (std::same_as<Plain, T*> || std::same_as<Plain, const T*>))
  operator Plain() const {
    return buffer_ + first_;
  }

  [[gnu::always_inline]] auto operator[](const Index& i) const {
    if constexpr (std::is_const_v<T>)
      return load(i);
    else
      return Reference<Pointer>(*this, i);
  }
  [[gnu::always_inline]] auto operator*() const { return (*this)[Index(0, Where())]; }
  Pointer operator+(int64_t n) const {
    Pointer moved = *this;
    moved.first_ += n;  // beyond the buffer is allowed, as long as nobody reads or writes there
    return moved;
  }
  Pointer operator-(int64_t n) const { return *this + -n; }
  Pointer& operator+=(int64_t n) { return *this = *this + n; }
  Pointer& operator++() { return *this += 1; }

  [[gnu::always_inline]] Value load(const Index& i) const {
    const Value value = *access(i, Access::read);
    if (const Poisoned state = poisoned(value); state != Poisoned::no) [[unlikely]]
      report_unwritten(memory, buffer_, size_, first_ + i.number, state, i.where);
    return value;
  }
  [[gnu::always_inline]] T* access(const Index& i, Access access) const {
    const int64_t element = first_ + i.number;
    if (static_cast<uint64_t>(element) >= quick_) [[unlikely]]
      slow_access(memory, buffer_, size_, element, sizeof(T), access, i.where);
    return buffer_ + element;
  }

  T* buffer() const { return buffer_; }
  int64_t size() const { return size_; }
  int64_t first() const { return first_; }
  bool recorded() const { return quick_ != static_cast<uint64_t>(size_); }

 private:
  T* buffer_ = nullptr;
  int64_t size_ = 0;    // of the buffer
  int64_t first_ = 0;   // where this pointer points
  uint64_t quick_ = 0;  // elements below need no slow_access(): all, or none while there is a recording
};

[[noreturn]] void report_misaligned(size_t alignment);

// The same memory as elements of another type: as<float4>(x + i) loads four at once. CheckFailed if it does
// not begin at a multiple of what U is aligned to.
template <class U, class T, Memory memory>
auto as(const Pointer<T, memory>& p) {
  using Other = std::conditional_t<std::is_const_v<T>, const U, U>;
  T* const at = p.buffer() + p.first();
  if (reinterpret_cast<uintptr_t>(at) % alignof(U) != 0) report_misaligned(alignof(U));
  const auto elements = [](int64_t n) {
    return n * static_cast<int64_t>(sizeof(T)) / static_cast<int64_t>(sizeof(U));
  };
  const int64_t before = elements(p.first()), after = elements(p.size() - p.first());
  return Pointer<Other, memory>(reinterpret_cast<Other*>(at) - before, before + after, before, p.recorded());
}

}  // namespace primal::simt
