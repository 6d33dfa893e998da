// Global memory as the emulation gives it to kernels: Global<T>, a pointer that knows its buffer, and Buffer<T>, memory
// that starts as poison. Every access goes through for_access(), which is where a recording of accesses would begin.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "tensor/simt/poison.h"

namespace primal::simt {

enum class Access { read, write, update };  // update: atomically read and written

// CheckFailed, naming kernel, block and thread where one runs.
[[noreturn]] void report_out_of_range(Access access, int64_t element, int64_t size);
[[noreturn]] void report_unwritten(int64_t element, int64_t size, Poisoned state);

template <class T>
class Global;

// x[i] of memory one may write: a read, a write, or both, as it is used.
template <class T>
class Reference {
 public:
  Reference(const Global<T>& at, int64_t i) : at_(at), i_(i) {}
  Reference(const Reference&) = default;

  operator T() const { return at_.load(i_); }
  T operator=(T value) const {
    *at_.for_access(i_, Access::write) = value;
    return value;
  }
  T operator=(const Reference& other) const { return *this = static_cast<T>(other); }
  T operator+=(T value) const { return *this = static_cast<T>(*this) + value; }
  T operator-=(T value) const { return *this = static_cast<T>(*this) - value; }
  T operator*=(T value) const { return *this = static_cast<T>(*this) * value; }
  T operator/=(T value) const { return *this = static_cast<T>(*this) / value; }
  Global<T> operator&() const { return at_ + i_; }

 private:
  Global<T> at_;
  int64_t i_;
};

template <class T>
class Global {
 public:
  using Value = std::remove_const_t<T>;

  Global() = default;
  explicit Global(std::span<T> buffer) : buffer_(buffer.data()), size_(static_cast<int64_t>(buffer.size())) {}
  // What may be written may be read.
  operator Global<const T>() const requires(!std::is_const_v<T>) {
    return Global<const T>(std::span<const T>(buffer_, static_cast<size_t>(size_))) + first_;
  }

  auto operator[](int64_t i) const {
    if constexpr (std::is_const_v<T>)
      return load(i);
    else
      return Reference<T>(*this, i);
  }
  decltype(auto) operator*() const { return (*this)[0]; }
  Global operator+(int64_t n) const {
    Global moved = *this;
    moved.first_ += n;  // beyond the buffer is allowed, as long as nobody reads or writes there
    return moved;
  }

  Value load(int64_t i) const {
    const Value value = *for_access(i, Access::read);
    if (const Poisoned state = poisoned(value); state != Poisoned::no)
      report_unwritten(first_ + i, size_, state);
    return value;
  }
  T* for_access(int64_t i, Access access) const {
    if (first_ + i < 0 || first_ + i >= size_) report_out_of_range(access, first_ + i, size_);
    return buffer_ + first_ + i;
  }

 private:
  T* buffer_ = nullptr;
  int64_t size_ = 0;   // of the buffer
  int64_t first_ = 0;  // where this pointer points
};

template <class T>
Global<T> global(std::span<T> s) {
  return Global<T>(s);
}

// n elements of device memory that nothing has written: a heap block of their own, so that AddressSanitizer sees what
// a plain pointer does beyond them.
template <class T>
class Buffer {
 public:
  explicit Buffer(size_t n) : data_(new T[n]), n_(n) { fill_poison<T>(data_.get(), n * sizeof(T)); }
  explicit Buffer(std::span<const T> host) : Buffer(host.size()) {
    std::copy(host.begin(), host.end(), data_.get());
  }

  std::span<T> span() { return {data_.get(), n_}; }
  std::span<const T> span() const { return {data_.get(), n_}; }

  // CheckFailed where an element was never written, or was computed from one that was not.
  std::vector<T> to_host() const {
    for (size_t i = 0; i < n_; ++i) {
      if (const Poisoned state = poisoned(data_[i]); state != Poisoned::no)
        report_unwritten(static_cast<int64_t>(i), static_cast<int64_t>(n_), state);
    }
    return {data_.get(), data_.get() + n_};
  }

 private:
  std::unique_ptr<T[]> data_;
  size_t n_;
};

}  // namespace primal::simt
