// Progress over many pictures on stderr: "12 of 44 pictures, 8.2 per second, 4.1 s left". On a terminal this
// is one line at the bottom, drawn anew below other output; elsewhere a line is printed from time to time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "apps/shell/status_line.h"

namespace primal {

class FolderMeter {
 public:
  using Clock = std::chrono::steady_clock;

  // Prints nothing if `shown` is false, or for a single picture.
  FolderMeter(size_t n_pictures, bool shown, bool terminal);
  FolderMeter(const FolderMeter&) = delete;
  FolderMeter& operator=(const FolderMeter&) = delete;

  // Draws the line for n_done finished pictures if one is due.
  void show(size_t n_done);
  // Removes the line; call it before anything else is printed.
  void hide() { status_.hide(); }
  // Prints the total: "44 pictures in 5.4 s, 8.2 per second".
  void finish(size_t n_done);

  // The line that is due, if any: on a terminal after 1 s and then every 0.2 s, elsewhere after
  // 10 s and then every 30 s.
  std::optional<std::string> line(size_t n_done, Clock::time_point now);

 private:
  size_t n_;
  bool shown_, terminal_;
  StatusLine status_;
  Clock::time_point start_, due_;
};

}  // namespace primal
