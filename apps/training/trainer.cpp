#include "apps/training/trainer.h"

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "apps/training/event_log.h"
#include "apps/training/run_folder.h"
#include "apps/training/run_lock.h"
#include "apps/training/schedule.h"
#include "apps/training/step_file.h"
#include "apps/training/window.h"
#include "autograd/finite_check.h"
#include "data/dataset/dataset.h"
#include "tensor/error.h"
#include "tensor/exec.h"
#include "tensor/range.h"

namespace primal {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Which pictures a task trains on: "200 pictures, names 8c1f...": their number and the FNV-1a digest of their names.
std::string pictures_of(const Task& task) {
  uint64_t digest = 0xcbf29ce484222325;
  for (int64_t i = 0; i < task.n_samples(); ++i) {
    for (const char c : task.sample_name(i) + "\n") {
      digest = (digest ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    }
  }
  return fmt::format("{} pictures, names {:016x}", task.n_samples(), digest);
}

class Run {
 public:
  using Stop = const volatile std::sig_atomic_t&;
  using OnEvent = std::function<void(const TrainEvent&)>;

  Run(Task& task, const Settings& settings, bool resume,
      const std::function<void(const std::string&)>& on_remark)
      : task_(task),
        config_(settings.config),
        folder_(config_.output),
        lock_(folder_.path()),
        n_steps_(n_steps_of(config_, task.n_samples())),
        steps_per_epoch_(n_steps_of_epoch(config_, task.n_samples())),
        adam_(task.model().parameters(), {.lr = config_.training.learning_rate}) {
    if (!lock_.held() && on_remark)
      on_remark(fmt::format("the file system of {} has no locks: nothing keeps another training out of it",
                            folder_.path().string()));
    folder_.remove_unfinished();
    const std::string pictures = pictures_of(task);
    if (resume) {
      state_ = load_checkpoint(folder_.last(), task.model(), adam_);
      if (!state_.pictures.empty() && state_.pictures != pictures) {
        throw DataError("[train] {} was trained on other pictures: {} there, {} in {}",
                        folder_.last().string(), state_.pictures, pictures, config_.data.folder);
      }
    } else if (!config_.training.init.empty()) {
      const auto remarks = load_initial_weights(config_.training.init, task.model(), config_);
      if (on_remark) std::ranges::for_each(remarks, on_remark);
    }
    state_.pictures = pictures;
    save(folder_.last());  // a folder that cannot be written shows now, not in an hour
    if (!resume) folder_.remove_old_checkpoints();
    folder_.write_config(to_toml(settings));
    log_ = std::make_unique<MetricsLog>(folder_.metrics(), task.metric_names(), resume ? state_.step : -1);
    for (const double loss : log_->kept_losses()) losses_.add(loss);
    events_ = std::make_unique<EventLog>(folder_.events(), task.metric_names(), resume ? state_.step : -1);
    events_->start(state_.step, {{"n_steps", n_steps_},
                                 {"pictures", pictures},
                                 {"parameters", task.model().n_parameters()},
                                 {"threads", num_threads()},
                                 {"config", config_to_json(config_)}});
  }

  static int64_t n_steps_of_epoch(const TrainConfig& config, int64_t n_samples) {
    return (n_samples + config.training.batch - 1) / config.training.batch;
  }

  TrainResult run(Stop stop, const OnEvent& on_event) {
    const Clock::time_point start = Clock::now();
    try {
      if (state_.validation_due) {
        losses_.add(state_.loss);
        finish_step(event_of(state_.loss, state_.step_ms), stop, on_event);
      }
      while (state_.step < n_steps_ && stop == 0 && !out_of_patience()) finish_step(step(), stop, on_event);
    } catch (const NumericError& error) {
      events_->stop(state_.step, error.what());
      throw;
    }
    events_->stop(state_.step, stop != 0           ? fmt::format("signal {}", static_cast<int>(stop))
                               : out_of_patience() ? "out of patience"
                                                   : "done");
    return {state_.step, losses_.mean(), seconds_since(start), stop, out_of_patience()};
  }

 private:
  TrainEvent step() {
    const Range range("train.step");
    const Clock::time_point start = Clock::now();
    const int64_t epoch = state_.step / steps_per_epoch_;
    const std::vector<int64_t> samples = next_samples(epoch);
    const TensorMap batch = task_.batch(epoch, samples);
    task_.model().zero_grad();
    const Variable loss = finite_loss(batch, samples);
    loss.backward();
    check_gradients(batch, samples);
    adam_.set_lr(learning_rate_of(state_.step + 1));
    adam_.step();
    ++state_.step;
    const double loss_now = loss.value().item();  // a device has finished the step when it is here
    const double step_ms = 1e3 * seconds_since(start);
    times_.add(step_ms);
    losses_.add(loss_now);
    return event_of(loss_now, step_ms);
  }

  void check_gradients(const TensorMap& batch, const std::vector<int64_t>& samples) {
    const auto parameters = task_.model().parameters();
    std::vector<Tensor> gradients;
    for (const auto& [name, parameter] : parameters) gradients.push_back(parameter.grad());
    const std::vector<int64_t> counts = count_non_finite(gradients);
    for (size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] > 0) fail("the gradient of " + parameters[i].first + " is not finite", batch, samples);
    }
  }

  double learning_rate_of(int64_t step) const {
    return learning_rate_at(config_.training.learning_rate, config_.training.final_learning_rate, step,
                            n_steps_);
  }

  // Of the step that was done last.
  TrainEvent event_of(double loss, double step_ms) const {
    TrainEvent event;
    event.step = state_.step;
    event.n_steps = n_steps_;
    event.epoch = (state_.step - 1) / steps_per_epoch_;
    event.loss = loss;
    event.mean_loss = losses_.mean();
    event.learning_rate = learning_rate_of(state_.step);
    event.step_ms = step_ms;
    event.median_step_ms = times_.median();
    event.seconds_left = static_cast<double>(n_steps_ - state_.step) * times_.median() * 1e-3;
    return event;
  }

  // Validation, log and checkpoints, as they are due after a step.
  void finish_step(TrainEvent event, Stop stop, const OnEvent& on_event) {
    const bool epoch_ends = state_.step % steps_per_epoch_ == 0 || state_.step == n_steps_;
    if (epoch_ends) {
      event.validation = task_.validate([&] { return stop == 0; });
      if (event.validation.empty() && stop != 0) return postpone_validation(event);
      state_.validation_due = false;
      state_.loss = state_.step_ms = 0.0;  // of the step whose validation was due
      note(event.validation);
    }
    log_->add(event);
    events_->step(event);
    const bool due = seconds_since(saved_) >= config_.training.checkpoint_seconds;
    if (epoch_ends || due || stop != 0) save(folder_.last());
    if (epoch_ends && config_.training.keep > 0) {
      save(folder_.numbered(state_.step));
      folder_.keep_newest(config_.training.keep);
    }
    on_event(event);
  }

  // Stopped while validating: the step is done, the rest of its work is not, and its row comes when it is.
  void postpone_validation(const TrainEvent& event) {
    state_.validation_due = true;
    state_.loss = event.loss;
    state_.step_ms = event.step_ms;
    save(folder_.last());
  }

  // The samples of the step that comes next, from the epoch's shuffled order.
  std::vector<int64_t> next_samples(int64_t epoch) {
    const int64_t begin = state_.step % steps_per_epoch_ * config_.training.batch;
    if (epoch != order_epoch_) {
      order_ =
          epoch_order(task_.n_samples(), static_cast<uint64_t>(config_.seed), static_cast<uint32_t>(epoch));
      order_epoch_ = epoch;
      task_.announce({order_.begin() + begin, order_.end()});
    }
    const int64_t end = std::min(begin + config_.training.batch, task_.n_samples());
    return {order_.begin() + begin, order_.begin() + end};
  }

  // An op that meets a NaN first (a step size, a lambda) says so itself.
  Variable finite_loss(const TensorMap& batch, const std::vector<int64_t>& samples) {
    std::string what = "the loss is not finite";
    try {
      const Variable loss = task_.loss(batch);
      if (count_non_finite(loss.value()) == 0) return loss;
    } catch (const NumericError& error) {
      what = error.what();
    }
    fail(what, batch, samples);
  }

  // Runs the step again to find the op that began it, saves it and gives up.
  [[noreturn]] void fail(const std::string& seen, const TensorMap& batch,
                         const std::vector<int64_t>& samples) {
    std::string pictures;
    for (const int64_t s : samples) pictures.append(pictures.empty() ? "" : " ").append(task_.sample_name(s));
    const std::string found =
        first_non_finite(task_.model(), batch, [&](const TensorMap& inputs) { return task_.loss(inputs); });
    const std::string what = found.empty() ? seen + ", but not when the step is repeated" : found;
    const fs::path file = folder_.failed(state_.step + 1);
    save_step(file, task_.model(), batch, {config_, state_.step + 1, pictures, what});
    throw NumericError(
        "[train] step {}, picture {}: {}\n  {} holds the state before\n"
        "  primal train --reproduce {} runs this step again",
        state_.step + 1, pictures, what, folder_.last().string(), file.string());
  }

  void note(const Metrics& metrics) {
    if (metrics.empty()) return;
    if (metrics.front() > state_.to_exceed + config_.training.min_delta) {
      state_.to_exceed = metrics.front();
      state_.n_waited = 0;
    } else {
      ++state_.n_waited;
    }
    if (!(metrics.front() > state_.best)) return;
    state_.best = metrics.front();
    save(folder_.best());
  }

  bool out_of_patience() const {
    return config_.training.patience > 0 && state_.n_waited >= config_.training.patience;
  }

  void save(const fs::path& path) {
    save_checkpoint(path, task_.model(), adam_, config_, state_);
    if (path == folder_.last()) saved_ = Clock::now();
    if (events_ != nullptr) events_->checkpoint(state_.step, path.filename().string());
  }

  Task& task_;
  const TrainConfig config_;
  const RunFolder folder_;
  const RunLock lock_;
  const int64_t n_steps_, steps_per_epoch_;
  Adam adam_;
  TrainingState state_;
  std::vector<int64_t> order_;  // of the samples in order_epoch_
  int64_t order_epoch_ = -1;
  std::unique_ptr<MetricsLog> log_;
  std::unique_ptr<EventLog> events_;
  Window losses_, times_;
  Clock::time_point saved_;
};

}  // namespace

int64_t n_steps_of(const TrainConfig& config, int64_t n_samples) {
  if (config.training.steps > 0) return config.training.steps;
  return config.training.epochs * Run::n_steps_of_epoch(config, n_samples);
}

TrainResult train(Task& task, const Settings& settings, bool resume, const volatile std::sig_atomic_t& stop,
                  const std::function<void(const TrainEvent&)>& on_event,
                  const std::function<void(const std::string&)>& on_remark) {
  return Run(task, settings, resume, on_remark).run(stop, on_event);
}

}  // namespace primal
