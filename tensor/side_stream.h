// SideStream: a second queue of a device, for work that runs beside what the device computes, such as
// messages to other devices.
//
//   const std::unique_ptr<SideStream> side = make_side_stream(device);
//   side->wait_for_device();                     its later work runs after the device's work so far
//   { const SideStream::Use use(*side); ... }    this thread's kernels and copies on that device go to it
//   side->mark(0);                               puts mark 0 at the end of its work so far
//   side->let_device_wait(0);                    later work of the device runs after mark 0
//   side->reached(0)                             whether it has reached mark 0; the host does not wait
//
// A mark can be used again.
// Memory that the side stream uses must not go back to the pool before the device or the host has waited for
// the mark behind that work. The CPU and the emulation finish their work within each call: there the side
// stream is the device's own stream, and all marks are reached.
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
  // Throws DeviceError if work before the mark failed. True for a mark that was never made.
  virtual bool reached(size_t number) = 0;
  // The cudaStream_t, for libraries that need one; null if there is none.
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
  virtual SideStream* begin_use() = 0;  // returns the side stream that this thread used before, or null
  virtual void end_use(SideStream* before) = 0;
};

std::unique_ptr<SideStream> make_side_stream(Device device);

}  // namespace primal
