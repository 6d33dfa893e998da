#include "apps/training/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <filesystem>
#include <numeric>

#include "apps/training/metrics_log.h"
#include "data/dataset/dataset.h"
#include "tensor/error.h"
#include "tensor/range.h"

namespace primal {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The last 200 numbers of a stream.
class Window {
 public:
  void add(double value) {
    values_.push_back(value);
    if (values_.size() > 200) values_.pop_front();
  }
  double mean() const {
    if (values_.empty()) return 0.0;
    return std::accumulate(values_.begin(), values_.end(), 0.0) / static_cast<double>(values_.size());
  }
  double median() const {
    if (values_.empty()) return 0.0;
    std::vector<double> sorted(values_.begin(), values_.end());
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
    std::ranges::nth_element(sorted, middle);
    return *middle;
  }

 private:
  std::deque<double> values_;
};

bool all_finite(const Tensor& t) {
  return dispatch_floating(t.dtype(), "train", [&]<class T>() {
    return std::ranges::all_of(t.span<T>(), [](T v) { return std::isfinite(v); });
  });
}

class Run {
 public:
  Run(Task& task, const TrainConfig& config, bool resume)
      : task_(task),
        config_(config),
        folder_(config.output),
        n_steps_(n_steps_of(config, task.n_samples())),
        steps_per_epoch_(n_steps_of_epoch(config, task.n_samples())),
        adam_(task.model().parameters(), {.lr = config.training.learning_rate}) {
    fs::create_directories(folder_);
    if (resume) state_ = load_checkpoint(folder_ / "last.safetensors", task.model(), adam_);
    log_ =
        std::make_unique<MetricsLog>(folder_ / "metrics.csv", task.metric_names(), resume ? state_.step : -1);
  }

  static int64_t n_steps_of_epoch(const TrainConfig& config, int64_t n_samples) {
    return (n_samples + config.training.batch - 1) / config.training.batch;
  }

  TrainResult run(const volatile std::sig_atomic_t& stop,
                  const std::function<void(const TrainEvent&)>& on_event) {
    const Clock::time_point start = Clock::now();
    save(
        "last.safetensors");  // before the first step: a folder that cannot be written shows now, not in an hour
    while (state_.step < n_steps_ && stop == 0) {
      TrainEvent event = step();
      const bool epoch_ends = state_.step % steps_per_epoch_ == 0 || state_.step == n_steps_;
      if (epoch_ends) {
        event.validation = task_.validate([&] { return stop == 0; });
        note_best(event.validation);
      }
      log_->add(event.step, event.epoch, event.loss, last_ms_, event.validation);
      const bool due = seconds_since(saved_) >= config_.training.checkpoint_seconds;
      if (epoch_ends || due || stop != 0) save("last.safetensors");
      on_event(event);
    }
    return {state_.step, losses_.mean(), seconds_since(start), stop};
  }

 private:
  TrainEvent step() {
    const Range range("train.step");
    const Clock::time_point start = Clock::now();
    const int64_t epoch = state_.step / steps_per_epoch_;
    const std::vector<int64_t> samples = samples_of(epoch, state_.step % steps_per_epoch_);
    task_.model().zero_grad();
    const Variable loss = finite_loss(epoch, samples);
    loss.backward();
    for (const auto& [name, parameter] : task_.model().parameters()) {
      if (parameter.grad().defined() && !all_finite(parameter.grad()))
        fail("the gradient of " + name + " is not finite", samples);
    }
    adam_.step();
    ++state_.step;
    last_ms_ = 1e3 * seconds_since(start);
    times_.add(last_ms_);
    losses_.add(loss.value().item());

    TrainEvent event;
    event.step = state_.step;
    event.n_steps = n_steps_;
    event.epoch = epoch;
    event.loss = loss.value().item();
    event.mean_loss = losses_.mean();
    event.step_ms = times_.median();
    event.seconds_left = static_cast<double>(n_steps_ - state_.step) * times_.median() * 1e-3;
    return event;
  }

  // The batch at a position of the epoch's shuffled order.
  std::vector<int64_t> samples_of(int64_t epoch, int64_t position) const {
    const std::vector<int64_t> order =
        epoch_order(task_.n_samples(), static_cast<uint64_t>(config_.seed), static_cast<uint32_t>(epoch));
    const int64_t begin = position * config_.training.batch;
    const int64_t end = std::min(begin + config_.training.batch, task_.n_samples());
    return {order.begin() + begin, order.begin() + end};
  }

  // An op that meets a NaN first (a step size, a lambda) says so itself; here its place in the training is added.
  Variable finite_loss(int64_t epoch, const std::vector<int64_t>& samples) {
    std::string what = "the loss is not finite";
    try {
      const Variable loss = task_.loss(epoch, samples);
      if (all_finite(loss.value())) return loss;
    } catch (const NumericError& error) {
      what = error.what();
    }
    fail(what, samples);
  }

  [[noreturn]] void fail(const std::string& what, const std::vector<int64_t>& samples) const {
    std::string names;
    for (const int64_t s : samples) names.append(" ").append(task_.sample_name(s));
    throw NumericError("[train] step {}, picture{}: {}; {} holds the state before", state_.step + 1, names,
                       what, (folder_ / "last.safetensors").string());
  }

  void note_best(const Metrics& metrics) {
    if (metrics.empty() || !(metrics.front() > state_.best)) return;
    state_.best = metrics.front();
    save("best.safetensors");
  }

  void save(const char* name) {
    save_checkpoint(folder_ / name, task_.model(), adam_, config_, state_);
    saved_ = Clock::now();
  }

  Task& task_;
  const TrainConfig& config_;
  fs::path folder_;
  int64_t n_steps_, steps_per_epoch_;
  Adam adam_;
  TrainingState state_;
  std::unique_ptr<MetricsLog> log_;
  Window losses_, times_;
  double last_ms_ = 0.0;
  Clock::time_point saved_;
};

}  // namespace

int64_t n_steps_of(const TrainConfig& config, int64_t n_samples) {
  if (config.training.steps > 0) return config.training.steps;
  return config.training.epochs * Run::n_steps_of_epoch(config, n_samples);
}

TrainResult train(Task& task, const TrainConfig& config, bool resume, const volatile std::sig_atomic_t& stop,
                  const std::function<void(const TrainEvent&)>& on_event) {
  return Run(task, config, resume).run(stop, on_event);
}

}  // namespace primal
