#include "apps/pictures/ticker.h"

#include <fmt/format.h>

#include "apps/shell/status_line.h"
#include "apps/training/progress.h"

namespace primal {

Ticker::Ticker(std::string what, bool shown, bool terminal, Pace pace)
    : what_(std::move(what)), terminal_(terminal), pace_(pace) {
  if (shown) thread_ = std::thread([this] { tick(); });
}

Ticker::~Ticker() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  condition_.notify_one();
  thread_.join();
}

void Ticker::tick() {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  StatusLine status(terminal_);
  std::unique_lock lock(mutex_);
  const auto is_done = [this] { return done_; };
  for (auto due = start + pace_.first; !condition_.wait_until(lock, due, is_done); due += pace_.every) {
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    status.show(fmt::format("{}: {} so far", what_, duration_text(seconds)));
  }
}

}  // namespace primal
