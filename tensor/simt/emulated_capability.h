// The compute capability that the emulation has, so that tests can check what kernels do on older devices.
#pragma once

#include <utility>

namespace primal::simt {

inline thread_local int emulated_capability = 9;

// While a CapabilityScope exists, the emulated device of this thread has that compute capability: 8 for sm_80, 9 for sm_90.
class CapabilityScope {
 public:
  explicit CapabilityScope(int major) : before_(std::exchange(emulated_capability, major)) {}
  ~CapabilityScope() { emulated_capability = before_; }
  CapabilityScope(const CapabilityScope&) = delete;
  CapabilityScope& operator=(const CapabilityScope&) = delete;

 private:
  int before_;
};

}  // namespace primal::simt
