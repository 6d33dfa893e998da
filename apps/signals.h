// Ctrl-C and SIGTERM: the first asks the work to finish its step and save, the second ends the program at once.
#pragma once

#include <csignal>

#include "tensor/error.h"

namespace primal {

// While one lives, SIGINT and SIGTERM are noted instead of ending the program. One at a time.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // 0, or the number of the signal that came.
  const volatile std::sig_atomic_t& caught() const;

 private:
  struct sigaction before_interrupt_ {
  }, before_terminate_{};
};

// Thrown when the work was stopped by a signal and everything has been saved: exit code 128 + signal.
class Stopped : public Error {
 public:
  explicit Stopped(int signal) : Error(fmt::format("[stop] signal {}: saved", signal), 128 + signal) {}
};

}  // namespace primal
