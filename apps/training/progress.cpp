#include "apps/training/progress.h"

#include <algorithm>
#include <fmt/core.h>
#include <unistd.h>

#include "apps/streams.h"
#include "apps/terminal.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr int64_t kStepsPerLine = 50;  // where nobody can see a line being written over
constexpr int kBarWidth = 20;
constexpr const char* kGreen = "\033[32m";
constexpr const char* kPlain = "\033[0m";

std::string bar_of(const TrainEvent& e, bool colour) {
  const auto filled = static_cast<size_t>(kBarWidth * e.step / std::max<int64_t>(e.n_steps, 1));
  return fmt::format("[{}{}{}{}] ", colour ? kGreen : "", std::string(filled, '#'), colour ? kPlain : "",
                     std::string(kBarWidth - filled, '.'));
}

}  // namespace

ProgressMode parse_progress(const std::string& name) {
  if (name == "auto") return ProgressMode::automatic;
  if (name == "bar") return ProgressMode::bar;
  if (name == "plain") return ProgressMode::plain;
  if (name == "none") return ProgressMode::none;
  throw ConfigError("[train] --progress must be auto, bar, plain or none, found '{}'", name);
}

Progress::Progress(ProgressMode mode, int64_t batch)
    : shown_(mode != ProgressMode::none),
      bar_(mode == ProgressMode::bar || (mode == ProgressMode::automatic && is_terminal(STDERR_FILENO))),
      colour_(wants_colour(STDERR_FILENO)),
      batch_(batch) {}

std::string progress_line(const TrainEvent& e, int64_t batch) {
  const double rate = e.median_step_ms > 0.0 ? 1e3 * static_cast<double>(batch) / e.median_step_ms : 0.0;
  std::string line =
      fmt::format("step {}/{}  epoch {}  loss {:.4e}  mean {:.4e}  {:.1f} pictures/s  {} left", e.step,
                  e.n_steps, e.epoch + 1, e.loss, e.mean_loss, rate, duration_text(e.seconds_left));
  if (e.validation.size() >= 2) {
    line += fmt::format("  validation {:.2f} dB, SSIM {:.4f}", e.validation[0], e.validation[1]);
  }
  return line;
}

void Progress::show(const TrainEvent& e) const {
  if (!shown_) return;
  const bool stays = e.step == e.n_steps || !e.validation.empty();
  std::string line = progress_line(e, batch_);
  if (!bar_) {
    if (stays || e.step % kStepsPerLine == 0) say("{}\n", line);
    return;
  }
  // A line longer than the terminal would wrap and could not be written over.
  const auto room = static_cast<size_t>(std::max(terminal_columns(STDERR_FILENO) - kBarWidth - 4, 10));
  if (!stays && line.size() > room) line.resize(room);
  say("\r\033[K{}{}{}", bar_of(e, colour_), line, stays ? "\n" : "");
}

std::string duration_text(double seconds) {
  const auto s = static_cast<int64_t>(seconds);
  if (s < 60) return fmt::format("{:.1f} s", seconds);
  if (s < 3600) return fmt::format("{}:{:02} min", s / 60, s % 60);
  return fmt::format("{}:{:02} h", s / 3600, s % 3600 / 60);
}

}  // namespace primal
