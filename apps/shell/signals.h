// Ctrl-C, SIGTERM and a terminal that hangs up: the first asks the work to finish its step and save, the
// second ends the program at once.
#pragma once

#include <array>
#include <csignal>

#include "tensor/error.h"

namespace primal {

// While one lives, SIGINT, SIGTERM and SIGHUP are noted instead of ending the program. One at a time. A
// SIGHUP that is ignored (nohup) stays so.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // 0, or the number of the signal that came.
  const volatile std::sig_atomic_t& caught() const;

 private:
  std::array<struct sigaction, 3> before_{};
};

// Thrown when the work was stopped by a signal, and what was done has been saved where it is of a kind that
// is: exit code 128 + signal.
class Stopped : public Error {
 public:
  explicit Stopped(int signal, bool saved = true)
      : Error(fmt::format("[stop] signal {}{}", signal, saved ? ": saved" : ""), 128 + signal) {}
};

}  // namespace primal
