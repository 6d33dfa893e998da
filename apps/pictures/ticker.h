// Shows on stderr how long a task of unknown length has taken: "linear fc1: 12.0 s so far". On a terminal
// this is one line that is overwritten, and removed at the end; elsewhere a line is printed now and then
// (pace.h). Nothing is printed for a short task.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "apps/pictures/pace.h"

namespace primal {

class Ticker {
 public:
  Ticker(std::string what, bool shown, bool terminal)
      : Ticker(std::move(what), shown, terminal, terminal ? kPaceOnTerminal : kPaceElsewhere) {}
  Ticker(std::string what, bool shown, bool terminal, Pace pace);
  ~Ticker();
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

 private:
  void tick();

  const std::string what_;
  const bool terminal_;
  const Pace pace_;
  std::mutex mutex_;
  std::condition_variable condition_;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace primal
