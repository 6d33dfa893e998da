// Global memory as the emulation gives it to kernels: Global<T>, a pointer that knows its buffer, and
// Buffer<T>, memory that starts as poison.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <vector>

#include "tensor/simt/pointer.h"  // IWYU pragma: export
#include "tensor/simt/poison.h"

namespace primal::simt {

template <class T>
using Global = Pointer<T, Memory::global>;

template <class T>
Global<T> global(std::span<T> s) {
  return Global<T>(s);
}

// n elements of device memory that nothing has written: a heap block of their own, so that
// AddressSanitizer sees what a plain pointer does beyond them; aligned as cudaMalloc does, so that sectors
// are counted as on the device.
template <class T>
class Buffer {
 public:
  explicit Buffer(size_t n) : data_(new (kAlignment) T[n]), n_(n) {
    fill_poison<T>(data_.get(), n * sizeof(T));
  }
  explicit Buffer(std::span<const T> host) : Buffer(host.size()) {
    std::copy(host.begin(), host.end(), data_.get());
  }

  std::span<T> span() { return {data_.get(), n_}; }
  std::span<const T> span() const { return {data_.get(), n_}; }

  // CheckFailed where an element was never written, or was computed from one that was not.
  std::vector<T> to_host() const {
    for (size_t i = 0; i < n_; ++i) {
      if (const Poisoned state = poisoned(data_[i]); state != Poisoned::no)
        report_unwritten(Memory::global, data_.get(), static_cast<int64_t>(n_), static_cast<int64_t>(i),
                         state, Where());
    }
    return {data_.get(), data_.get() + n_};
  }

 private:
  static constexpr std::align_val_t kAlignment{256};
  struct Free {
    void operator()(T* data) const { ::operator delete[](data, kAlignment); }
  };

  std::unique_ptr<T[], Free> data_;
  size_t n_;
};

}  // namespace primal::simt
