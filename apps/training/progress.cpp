#include "apps/training/progress.h"

#include <cstdio>
#include <fmt/core.h>
#include <unistd.h>

namespace primal {

constexpr int64_t kStepsPerLine = 50;  // where nobody can see a line being written over

Progress::Progress(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO) != 0) {}

void Progress::show(const TrainEvent& e) const {
  if (quiet_) return;
  const bool stays = e.step == e.n_steps || !e.validation.empty();
  if (!terminal_ && !stays && e.step % kStepsPerLine != 0) return;
  std::string line =
      fmt::format("step {}/{}  epoch {}  loss {:.4e}  {:.0f} ms/step  {} left", e.step, e.n_steps,
                  e.epoch + 1, e.mean_loss, e.median_step_ms, duration_text(e.seconds_left));
  if (!e.validation.empty())
    line += fmt::format("  validation {:.2f} dB, SSIM {:.4f}", e.validation[0], e.validation[1]);
  fmt::print(stderr, "{}{}{}", terminal_ ? "\r\033[K" : "", line, terminal_ && !stays ? "" : "\n");
  std::fflush(stderr);
}

std::string duration_text(double seconds) {
  const auto s = static_cast<int64_t>(seconds);
  if (s < 60) return fmt::format("{:.1f} s", seconds);
  if (s < 3600) return fmt::format("{}:{:02} min", s / 60, s % 60);
  return fmt::format("{}:{:02} h", s / 3600, s % 3600 / 60);
}

}  // namespace primal
