// SideStream: a second queue of a device, for work that runs beside what the device computes, such as
// messages to other devices.
//
//   const std::unique_ptr<SideStream> side = make_side_stream(device);
//   side->wait_for_device();                     what it gets from now on runs after what the device got so far
//   { const SideStream::Use use(*side); ... }    kernels and copies of this thread on that device go to it
//   side->mark(0);                               mark 0 is the end of what it got so far; marks are used again
//   side->let_device_wait(0);                    what the device gets from now on runs after mark 0
//   side->reached(0)                             whether it has come to mark 0; the host does not wait
//
// Memory that it uses must not go back to the pool before the device or the host has waited for its mark. The
// CPU and the emulation do their work at once: there the side stream is the device's own, and all marks are
// reached.
#pragma once

#include <cstddef>
#include <memory>

#include "tensor/device.h"

namespace primal {

class SideStream {
 public:
  SideStream() = default;
  virtual ~SideStream() = default;
  SideStream(const SideStream&) = delete;
  SideStream& operator=(const SideStream&) = delete;

  virtual void wait_for_device() = 0;
  virtual void mark(size_t number) = 0;
  virtual void let_device_wait(size_t number) = 0;
  // DeviceError where work before it failed. True for a mark that was never made.
  virtual bool reached(size_t number) = 0;
  // The cudaStream_t, for libraries that are given one; null where there is none.
  virtual void* handle() const = 0;

  class Use {
   public:
    explicit Use(SideStream& stream) : stream_(stream), before_(stream.begin_use()) {}
    ~Use() { stream_.end_use(before_); }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    SideStream& stream_;
    SideStream* before_;
  };

 protected:
  virtual SideStream* begin_use() = 0;  // returns the one that this thread used before, or null
  virtual void end_use(SideStream* before) = 0;
};

std::unique_ptr<SideStream> make_side_stream(Device device);

}  // namespace primal
