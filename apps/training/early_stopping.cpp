#include "apps/training/early_stopping.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace primal {

bool EarlyStopping::note(const Metrics& metrics, TrainingState& state) {
  if (metrics.empty()) return false;
  const ScoreSummary& first = metrics.front();
  if (!first.has_mean()) {
    if (!said_no_mean_)
      on_remark_(remark_of(task_.metric_names().front(), first) + ": nothing tells a better model");
    said_no_mean_ = true;
    return false;
  }
  if (is_better(first.mean, state.to_exceed, config_.training.min_delta)) {
    state.to_exceed = first.mean;
    state.n_waited = 0;
  } else {
    ++state.n_waited;
  }
  if (!is_better(first.mean, state.best, 0.0)) return false;
  state.best = first.mean;
  state.best_step = state.step;
  return true;
}

void EarlyStopping::note_standstill(const Metrics& metrics, const std::vector<Baseline>& baselines,
                                    int64_t step) {
  constexpr double kEqual = 1e-3;  // dB; of a mean squared error, a part of it
  const auto noisy = std::ranges::find(baselines, "noisy", &Baseline::name);
  if (said_standstill_ || metrics.empty() || noisy == baselines.end() || noisy->metrics.empty()) return;
  const double unit = task_.larger_is_better() ? 1.0 : std::abs(noisy->metrics.front().mean);
  if (!(std::abs(metrics.front().mean - noisy->metrics.front().mean) < kEqual * unit)) return;
  said_standstill_ = true;
  on_remark_(fmt::format(
      "step {}: the results equal the noisy pictures, so the model changes nothing and gets no gradient "
      "any more; start again with a lower training.learning_rate than {:g}",
      step, config_.training.learning_rate));
}

// Anything is better than what no validation gave.
bool EarlyStopping::is_better(double metric, double than, double by_more) const {
  if (than <= TrainingState{}.best) return true;
  return task_.larger_is_better() ? metric > than + by_more : metric < than - by_more;
}

}  // namespace primal
