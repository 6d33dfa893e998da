#include "apps/pictures/meter.h"

#include <fmt/format.h>

#include "apps/pictures/pace.h"
#include "apps/training/progress.h"

namespace primal {

Meter::Meter(std::string what, bool shown, bool terminal)
    : what_(std::move(what)),
      shown_(shown),
      terminal_(terminal),
      status_(terminal),
      start_(Clock::now()),
      due_(start_) {}

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
  if (const std::optional<std::string> text = line(unit, done, total, Clock::now())) status_.show(*text);
}

}  // namespace primal
