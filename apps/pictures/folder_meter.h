// What a person who waits for many pictures sees on stderr: "12 of 44 pictures, 8.2 per second, 4.1 s left". On a terminal one line at
// the bottom that other output pushes down; elsewhere a line now and then.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace primal {

class FolderMeter {
 public:
  using Clock = std::chrono::steady_clock;

  // Silent where `shown` is false, and for a single picture.
  FolderMeter(size_t n_pictures, bool shown, bool terminal);
  ~FolderMeter();
  FolderMeter(const FolderMeter&) = delete;
  FolderMeter& operator=(const FolderMeter&) = delete;

  // So many are done: draws the line where one is due.
  void show(size_t n_done);
  // Before anything else is printed.
  void hide();
  // What it took: "44 pictures in 5.4 s, 8.2 per second".
  void finish(size_t n_done);

  // The line that is due, if one is: the first after 1 s (elsewhere than on a terminal 10 s), then every 0.2 s (30 s).
  std::optional<std::string> line(size_t n_done, Clock::time_point now);

 private:
  size_t n_;
  bool shown_, terminal_, drawn_ = false;
  Clock::time_point start_, due_;
};

}  // namespace primal
