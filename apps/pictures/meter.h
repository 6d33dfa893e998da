// What a person who waits for a large picture sees on stderr:
// "large.png: iteration 48 of 256, 1:10 min left". On a terminal one line that is written over and gone at
// the end; elsewhere a line now and then. What is done soon says nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "apps/shell/status_line.h"

namespace primal {

class Meter {
 public:
  using Clock = std::chrono::steady_clock;

  Meter(std::string what, bool shown, bool terminal);
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

  // `done` of `total` units of a stage ("iteration", "tile", "trial") are done; total 0: nobody
  // knows how many there will be.
  void show(const std::string& unit, int64_t done, int64_t total);
  // Removes the line; call it before anything else is printed.
  void hide() { status_.hide(); }

  // The line that is due, if one is: the first when a stage has taken 1 s (elsewhere than on a terminal
  // 10 s), then every 0.2 s (30 s).
  std::optional<std::string> line(const std::string& unit, int64_t done, int64_t total,
                                  Clock::time_point now);

 private:
  std::string what_, unit_;
  bool shown_, terminal_;
  StatusLine status_;
  Clock::time_point start_, due_;
};

}  // namespace primal
