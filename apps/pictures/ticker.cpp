#include "apps/pictures/ticker.h"

#include <algorithm>
#include <fmt/format.h>
#include <unistd.h>

#include "apps/shell/streams.h"
#include "apps/shell/terminal.h"
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
  bool drawn = false;
  std::unique_lock lock(mutex_);
  const auto is_done = [this] { return done_; };
  for (auto due = start + pace_.first; !condition_.wait_until(lock, due, is_done); due += pace_.every) {
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    std::string text = fmt::format("{}: {} so far", what_, duration_text(seconds));
    if (!terminal_) {
      say("{}\n", text);
      continue;
    }
    text = visible(text);
    text.resize(
        std::min(text.size(), static_cast<size_t>(std::max(terminal_columns(STDERR_FILENO) - 1, 20))));
    say_drawn("\r\033[K" + text);
    drawn = true;
  }
  if (drawn) say_drawn("\r\033[K");
}

}  // namespace primal
