#include "apps/pictures/folder_meter.h"

#include <fmt/format.h>

#include "apps/pictures/pace.h"
#include "apps/shell/streams.h"
#include "apps/training/progress.h"

namespace primal {
namespace {

double seconds_between(FolderMeter::Clock::time_point start, FolderMeter::Clock::time_point end) {
  return std::chrono::duration<double>(end - start).count();
}

// "140 per second", "8.2 per second", "0.031 per second"
std::string rate_text(size_t n, double seconds) {
  const double rate = static_cast<double>(n) / std::max(seconds, 1e-3);
  return rate < 10 ? fmt::format("{:.2g} per second", rate) : fmt::format("{:.0f} per second", rate);
}

}  // namespace

FolderMeter::FolderMeter(size_t n_pictures, bool shown, bool terminal)
    : n_(n_pictures),
      shown_(shown && n_pictures > 1),
      terminal_(terminal),
      status_(terminal),
      start_(Clock::now()) {
  due_ = start_ + (terminal ? kPaceOnTerminal : kPaceElsewhere).first;
}

std::optional<std::string> FolderMeter::line(size_t n_done, Clock::time_point now) {
  if (now < due_ || n_done == 0 || n_done == n_) return {};
  due_ = now + (terminal_ ? kPaceOnTerminal : kPaceElsewhere).every;
  const double seconds = seconds_between(start_, now);
  const double left = seconds / static_cast<double>(n_done) * static_cast<double>(n_ - n_done);
  return fmt::format("{} of {} pictures, {}, {} left", n_done, n_, rate_text(n_done, seconds),
                     duration_text(left));
}

void FolderMeter::show(size_t n_done) {
  if (!shown_) return;
  if (const std::optional<std::string> text = line(n_done, Clock::now())) status_.show(*text);
}

void FolderMeter::finish(size_t n_done) {
  hide();
  if (!shown_ || n_done == 0) return;
  const double seconds = seconds_between(start_, Clock::now());
  say("{} picture{} in {}, {}\n", n_done, n_done == 1 ? "" : "s", duration_text(seconds),
      rate_text(n_done, seconds));
}

}  // namespace primal
