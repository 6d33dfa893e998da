#include "apps/shell/signals.h"

namespace primal {
namespace {

constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP};
volatile std::sig_atomic_t caught_signal = 0;

extern "C" void note_signal(int signal) {
  caught_signal = signal;
  // The next one of any kind ends the program as if nobody had listened. A shell that goes sends SIGHUP and
  // the terminal another: those are one wish.
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  if (signal != SIGHUP) std::signal(SIGHUP, SIG_DFL);
}

}  // namespace

StopSignals::StopSignals() {
  caught_signal = 0;
  struct sigaction action {};
  action.sa_handler = note_signal;
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < kSignals.size(); ++i) {
    sigaction(kSignals[i], &action, &before_[i]);
    if (kSignals[i] == SIGHUP && before_[i].sa_handler == SIG_IGN) sigaction(SIGHUP, &before_[i], nullptr);
  }
}

StopSignals::~StopSignals() {
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before_[i], nullptr);
}

const volatile std::sig_atomic_t& StopSignals::caught() const { return caught_signal; }

}  // namespace primal
