#include "apps/pictures/meter.h"

#include <algorithm>
#include <fmt/format.h>
#include <unistd.h>

#include "apps/pictures/pace.h"
#include "apps/shell/streams.h"
#include "apps/shell/terminal.h"
#include "apps/training/progress.h"

namespace primal {
Meter::Meter(std::string what, bool shown, bool terminal)
    : what_(std::move(what)), shown_(shown), terminal_(terminal), start_(Clock::now()), due_(start_) {}

Meter::~Meter() {
  if (written_ && terminal_) say_drawn("\r\033[K");
}

std::optional<std::string> Meter::line(const std::string& unit, int64_t done, int64_t total,
                                       Clock::time_point now) {
  const Pace& pace = terminal_ ? kPaceOnTerminal : kPaceElsewhere;
  if (unit != unit_) {  // another stage
    start_ = unit_.empty() ? start_ : now;
    due_ = start_ + pace.first;
    unit_ = unit;
  }
  if (now < due_ || done == 0 || done == total) return {};
  due_ = now + pace.every;
  if (total == 0) return fmt::format("{}: {} {}", what_, unit, done);
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double left = seconds / static_cast<double>(done) * static_cast<double>(total - done);
  return fmt::format("{}: {} {} of {}, {} left", what_, unit, done, total, duration_text(left));
}

void Meter::show(const std::string& unit, int64_t done, int64_t total) {
  if (!shown_) return;
  std::optional<std::string> text = line(unit, done, total, Clock::now());
  if (!text) return;
  written_ = true;
  if (!terminal_) return say("{}\n", *text);
  *text = visible(*text);
  // A longer line would wrap and could not be written over: the end of it matters more than the name.
  const auto room = static_cast<size_t>(std::max(terminal_columns(STDERR_FILENO) - 1, 20));
  if (text->size() > room) text = "..." + text->substr(text->size() - room + 3);
  say_drawn("\r\033[K" + *text);
}

}  // namespace primal
