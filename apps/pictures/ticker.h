// What a person sees on stderr who waits for something that cannot say how far it is: "linear fc1: 12.0 s so far". On a terminal one line
// that is written over and gone at the end; elsewhere a line now and then (pace.h). What is done soon says nothing.
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
