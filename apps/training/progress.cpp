#include "apps/training/progress.h"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <unistd.h>

#include "apps/scores/scores.h"
#include "apps/shell/streams.h"
#include "apps/shell/terminal.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr int64_t kStepsPerLine = 50;  // where nobody can see a line being written over
constexpr size_t kWideBar = 20, kNarrowBar = 10;
constexpr size_t kWideTerminal = 100;
constexpr std::string_view kOfValidation = "validation_";
constexpr int kLeastNeeded = 2;  // the rank of the rate: the bar goes before it does
constexpr const char* kGreen = "\033[32m";
constexpr const char* kPlain = "\033[0m";

std::string bar_of(const TrainEvent& e, size_t width, bool colour) {
  const int64_t n_steps = std::max<int64_t>(e.n_steps, 1);
  const auto filled = static_cast<size_t>(static_cast<int64_t>(width) * std::min(e.step, n_steps) / n_steps);
  return fmt::format("[{}{}{}{}] ", colour ? kGreen : "", std::string(filled, '#'), colour ? kPlain : "",
                     std::string(width - filled, '.'));
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

namespace {

// Mean squared errors are small: they are shown by their digits, others by their decimals.
std::string metric_text(const std::string& name, double value) {
  return name.ends_with("_mse") && !std::isnan(value) ? fmt::format("{:.4g}", value) : score_text(value, 4);
}

}  // namespace

std::vector<ProgressField> progress_fields(const TrainEvent& e, int64_t batch) {
  const double rate = e.median_step_ms > 0.0 ? 1e3 * static_cast<double>(batch) / e.median_step_ms : 0.0;
  std::vector<ProgressField> fields{{fmt::format("step {}/{}", e.step, e.n_steps), 0},
                                    {fmt::format("epoch {}", e.epoch + 1), 5},
                                    {fmt::format("loss {:.4e}", e.loss), 4},
                                    {fmt::format("mean {:.4e}", e.mean_loss), 3},
                                    {fmt::format("{:.1f} pictures/s", rate), 2},
                                    {fmt::format("{} left", duration_text(e.seconds_left)), 1}};
  const bool in_decibel = e.metric_names.size() == 2 && e.metric_names.front() == "validation_psnr_db";
  if (!e.validation.empty() && !in_decibel && e.metric_names.size() >= e.validation.size()) {
    std::string text = "validation";
    for (size_t i = 0; i < e.validation.size(); ++i) {
      const std::string& name = e.metric_names[i];
      if (!name.starts_with(kOfValidation)) continue;
      text += fmt::format("{} {} {}", i == 0 ? "" : ",", name.substr(kOfValidation.size()),
                          metric_text(name, e.validation[i].mean));
    }
    for (const Baseline& b : e.baselines) {
      text += fmt::format("{}{} {}", &b == &e.baselines.front() ? " (" : "; ", b.name,
                          metric_text(e.metric_names.front(), b.metrics.at(0).mean));
    }
    if (!e.baselines.empty()) text += ")";
    fields.push_back({text, 0});
  } else if (e.validation.size() >= 2) {
    const ScoreSummary &psnr = e.validation[0], &ssim = e.validation[1];
    std::string text =
        fmt::format("validation {} dB, SSIM {}", score_text(psnr.mean, 2), score_text(ssim.mean, 4));
    for (const Baseline& b : e.baselines) {
      text += fmt::format("{}{} {}, {}", &b == &e.baselines.front() ? " (" : "; ", b.name,
                          score_text(b.metrics.at(0).mean, 2), score_text(b.metrics.at(1).mean, 4));
    }
    if (!e.baselines.empty()) text += ")";
    if (!psnr.all_finite()) text += fmt::format(", PSNR of {} of {}", psnr.n_finite, psnr.n());
    fields.push_back({text, 0});
  }
  return fields;
}

std::string laid_out(std::vector<ProgressField> fields, size_t room) {
  const auto width = [&] {
    size_t n = 0;
    for (const ProgressField& f : fields) n += f.text.size() + (&f == &fields.front() ? 0 : 2);
    return n;
  };
  while (width() > room) {
    const auto last = std::ranges::max_element(fields, {}, &ProgressField::rank);
    if (last->rank == 0) break;
    fields.erase(last);
  }
  std::string line;
  for (const ProgressField& f : fields) line += (line.empty() ? "" : "  ") + f.text;
  return line;
}

std::string progress_line(const TrainEvent& e, int64_t batch) {
  return laid_out(progress_fields(e, batch), std::string::npos);
}

void Progress::show(const TrainEvent& e) const {
  if (!shown_) return;
  const bool stays = e.step == e.n_steps || !e.validation.empty();
  if (!bar_) {
    if (stays || e.step % kStepsPerLine == 0) say("{}\n", progress_line(e, batch_));
    return;
  }
  // A line longer than the terminal would wrap and could not be written over: it is written without the
  // fields that matter least, and without the bar before it loses the rate or the time left.
  const auto columns = static_cast<size_t>(std::max(terminal_columns(STDERR_FILENO) - 1, 20));
  const std::vector<ProgressField> fields = progress_fields(e, batch_);
  const size_t bar = columns + 1 >= kWideTerminal ? kWideBar : kNarrowBar, bar_room = bar + 3;
  std::vector<ProgressField> needed = fields;
  std::erase_if(needed, [](const ProgressField& f) { return f.rank > kLeastNeeded; });
  const bool has_bar = laid_out(needed, std::string::npos).size() + bar_room <= columns;
  const std::string line = laid_out(fields, has_bar ? columns - bar_room : columns);
  say_drawn(fmt::format("\r\033[K{}{}{}", has_bar ? bar_of(e, bar, colour_) : "", visible(line),
                        stays ? "\n" : ""));
}

std::string duration_text(double seconds) {
  const auto s = static_cast<int64_t>(seconds);
  if (s < 60) return fmt::format("{:.1f} s", seconds);
  if (s < 3600) return fmt::format("{}:{:02} min", s / 60, s % 60);
  return fmt::format("{}:{:02} h", s / 3600, s % 3600 / 60);
}

}  // namespace primal
