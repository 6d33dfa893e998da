// Backend: what a kind of device does with memory. One object for each device; Tensor, Scratch
// and kernels go through it.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <typeindex>
#include <vector>

#include "tensor/device.h"
#include "tensor/memory_pool.h"

namespace primal {

// Marks in the order of a device's work, and when each was reached: what kernels take, not what launching
// them takes.
class DeviceClock {
 public:
  virtual ~DeviceClock() = default;
  virtual size_t mark() noexcept = 0;          // the number of a new one; times_us() throws what went wrong
  virtual std::vector<double> times_us() = 0;  // of all marks since the first; waits for the last
};

class Backend {
 public:
  virtual ~Backend() = default;

  // A block of at least `bytes`, for elements of `element_bytes` each; contents undefined. It goes back when
  // the last copy of the pointer dies. DeviceError where there is no more memory.
  virtual std::shared_ptr<void> allocate(size_t bytes, size_t element_bytes) = 0;

  // Between this device and the host, or within this device. All are in order with the kernels launched here
  // before and after; to_host returns when the bytes are there, the others may return before.
  virtual void from_host(void* to, const void* from, size_t bytes) = 0;
  virtual void to_host(void* to, const void* from, size_t bytes, size_t element_bytes) = 0;
  virtual void copy(void* to, const void* from, size_t bytes) = 0;
  virtual void zero(void* to, size_t bytes) = 0;

  // Returns when everything launched here is done; DeviceError where some of it failed.
  virtual void synchronize() = 0;

  // Null where work is done when its call returns: the host's clock tells.
  virtual std::unique_ptr<DeviceClock> clock() { return nullptr; }

  virtual MemoryStats stats() const = 0;
  virtual void reset_peak() = 0;
  // Where blocks that were handed back are kept; null where none are.
  virtual MemoryPool* pool() { return nullptr; }

  // What ops keep on this device from call to call, tables say: one T for each type, made when it is first
  // asked for. It lives as long as the device, which in a rehearsal is as long as that. Its owner guards it
  // against several threads.
  template <class T>
  T& kept() {
    const std::lock_guard lock(kept_mutex_);
    std::shared_ptr<void>& one = kept_[typeid(T)];
    if (one == nullptr) one = std::make_shared<T>();
    return *static_cast<T*>(one.get());
  }

 private:
  std::mutex kept_mutex_;
  std::map<std::type_index, std::shared_ptr<void>> kept_;
};

// DeviceError where this build or machine has no such device. Never destroyed: tensors of static lifetime may
// outlive any order of destruction.
Backend& backend(Device device);

}  // namespace primal
