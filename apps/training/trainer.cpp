#include "apps/training/trainer.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/training/buffer_snapshot.h"
#include "apps/training/checked_step.h"
#include "apps/training/divided_step.h"
#include "apps/training/early_stopping.h"
#include "apps/training/epoch_batches.h"
#include "apps/training/failed_step.h"
#include "apps/training/recorded_steps.h"
#include "apps/training/run_folder.h"
#include "apps/training/run_lock.h"
#include "apps/training/run_logs.h"
#include "apps/training/schedule.h"
#include "apps/training/window.h"
#include "autograd/finite_check.h"
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

class Run {
 public:
  using Stop = const volatile std::sig_atomic_t&;
  using OnEvent = std::function<void(const TrainEvent&)>;

  Run(Task& task, const Settings& settings, bool resume,
      const std::function<void(const std::string&)>& on_remark, Communicator* ranks,
      const MakeExchange& exchange)
      : task_(task),
        on_remark_(on_remark ? on_remark : [](const std::string&) {}),
        config_(settings.config),
        folder_(config_.output),
        divided_(ranks, task.model(), exchange),
        checked_(task, config_, folder_, divided_),
        n_steps_(n_steps_of(config_, task.n_samples())),
        batches_(task.n_samples(), config_.training.batch, static_cast<uint64_t>(config_.seed),
                 [this](const auto& batches) { announce(batches); }),
        stopping_(task, config_, on_remark_),
        adam_(
            task.model().parameters(),
            {.lr = config_.training.learning_rate, .eps = config_.adam.eps, .amsgrad = config_.adam.amsgrad}),
        recorded_(task, adam_, graph_setting(config_.training.graph, task.model().device(), ranks),
                  on_remark_) {
    divided_.check_batch(config_.training.batch, task.n_samples());
    task_.divide_among(ranks);
    if (divided_.writes()) lock_.emplace(folder_.make());
    if (lock_ && !lock_->held())
      on_remark_(fmt::format(
          "the file system of {} has no locks: nothing prevents another training from using the folder",
          folder_.path().string()));
    if (lock_) folder_.remove_unfinished();
    const std::string pictures = task.identity();
    if (resume) {
      state_ = load_checkpoint(folder_.last(), task.model(), adam_, config_);
      if (!state_.pictures.empty() && state_.pictures != pictures) {
        throw DataError(
            "[train] {} was trained on other pictures: {} then, {} now in {}\n"
            "  a new training can start from its weights: --init {} with another --output",
            folder_.last().string(), state_.pictures, pictures, config_.data.folder, folder_.last().string());
      }
    } else if (!config_.training.init.empty()) {
      const auto remarks = load_initial_weights(config_.training.init, task.model(), config_);
      std::ranges::for_each(remarks, on_remark_);
    }
    state_.pictures = pictures;
    state_.metric = task.metric_names().front();
    std::error_code unknown;  // a folder that was removed has no name
    state_.started_in = fs::current_path(unknown).string();
    divided_.check_same_state(adam_);
    if (divided_.writes()) open_files(settings, resume);
  }

  void open_files(const Settings& settings, bool resume) {
    save(folder_.last());  // a folder that cannot be written shows now, not in an hour
    if (!resume) folder_.remove_old_checkpoints();
    folder_.write_config(to_toml(settings));
    // The row of a step whose validation is due is written when that is done.
    const int64_t last_row = resume ? state_.step - (state_.validation_due ? 1 : 0) : -1;
    logs_.emplace(folder_, config_, task_, state_.step, last_row,
                  nlohmann::json{{"n_steps", n_steps_},
                                 {"pictures", state_.pictures},
                                 {"parameters", task_.model().n_parameters()},
                                 {"threads", num_threads()},
                                 {"config", config_to_json(config_)}});
    for (const double loss : logs_->kept_losses()) losses_.add(loss);
  }

  TrainResult run(Stop signal, const OnEvent& on_event) {
    const Clock::time_point start = Clock::now();
    Stop stop = divided_.is_divided() ? agreed_signal_ : signal;
    signal_ = &signal;
    try {
      prepare_baselines();
      if (state_.validation_due) {
        losses_.add(state_.loss);
        finish_step(event_of(state_.loss, state_.step_ms, state_.step), stop, on_event);
      }
      while (state_.step < n_steps_ && stop == 0 && !stopping_.out_of_patience(state_))
        take_steps(stop, on_event);
      // A signal may come after the step was completed, while on_event is at work.
      if (saved_step_ != state_.step) save(folder_.last());
      if (logs_) {
        if (stop != 0)
          logs_->stop(state_.step, fmt::format("signal {}", static_cast<int>(stop)), {});
        else
          logs_->stop(state_.step, stopping_.out_of_patience(state_) ? "out of patience" : "done", true);
      }
    } catch (const std::exception& error) {
      leave(error.what());
      throw;
    }
    return {state_.step,      losses_.mean(), seconds_since(start), stop, stopping_.out_of_patience(state_),
            state_.best_step, state_.best};
  }

 private:
  // What the metrics are read against: from the log, or computed where it has none yet.
  void prepare_baselines() {
    if (!config_.training.baselines) return;
    const std::vector<std::string> names = task_.metric_names();
    if (divided_.writes()) baselines_ = read_baselines(folder_.events(), names);
    if (divided_.as_first_decides(!baselines_.empty())) return;
    const Range range("train.baselines");
    baselines_ = task_.baselines([&] { return *signal_ == 0; });
    agree_on_signal();
    if (!divided_.writes()) return;
    for (const Baseline& baseline : baselines_) {
      logs_->baseline(baseline);
      for (size_t i = 0; i < baseline.metrics.size(); ++i) {
        if (baseline.metrics[i].all_finite()) continue;
        on_remark_(remark_of(fmt::format("{}, {}", names.at(i), baseline.name), baseline.metrics[i]));
      }
    }
  }

  // Ranks catch signals at different moments and stop after the same step.
  void agree_on_signal() { agreed_signal_ = divided_.agree_on_signal(*signal_); }

  // An error ends the training: what is computed is saved first, where that can be done. Whatever goes wrong
  // with it on the way is not worth more than the error itself.
  void leave(const std::string& why) noexcept {
    divided_.abandon();
    if (!divided_.writes()) return;
    try {
      const bool usable = whole_ && all_finite();
      if (usable) save(folder_.last());
      on_remark_(usable ? fmt::format("step {} is saved: primal train --resume -o {}", state_.step,
                                      folder_.path().string())
                        : fmt::format("{} holds an earlier step", folder_.last().string()));
    } catch (const std::exception&) {
    }
    try {
      if (logs_) logs_->stop(state_.step, why, false);
    } catch (const std::exception&) {
    }
  }

  bool all_finite() const {
    std::vector<Tensor> values;
    for (const auto& [name, parameter] : task_.model().parameters()) values.push_back(parameter.value());
    return std::ranges::all_of(count_non_finite(values), [](int64_t n) { return n == 0; });
  }

  // One step that the host follows, or some that the device repeats alone.
  void take_steps(Stop stop, const OnEvent& on_event) {
    const Clock::time_point start = Clock::now();
    const std::vector<int64_t> all = batches_.after(state_.step);
    if (recorded_.repeats(std::ssize(all))) return repeat_steps(stop, on_event);
    divided_.begin(state_.step + 1);
    const std::vector<int64_t> samples = divided_.own_part(all);
    const int64_t epoch = batches_.epoch_of(state_.step);
    const TensorMap batch = samples.empty() ? TensorMap() : recorded_.batch(epoch, samples);
    finish_step(step(batch, samples, std::ssize(all), start), stop, on_event);
  }

  // Recorded steps, up to the next one that the host has to look at. Their losses come together;
  // the events follow in order.
  void repeat_steps(Stop stop, const OnEvent& on_event) {
    const Range range("train.steps");
    const Clock::time_point start = Clock::now();
    const int64_t before = state_.step, last = before + recorded_.n_ahead(times_.median());
    std::exception_ptr error;
    whole_ = false;
    try {
      do {
        const std::vector<int64_t> samples = batches_.after(state_.step);
        if (!recorded_.repeats(std::ssize(samples))) break;
        adam_.set_lr(learning_rate_of(state_.step + 1));
        if (!recorded_.run(state_.step + 1, batches_.epoch_of(state_.step), samples)) break;
        ++state_.step;
      } while (state_.step < std::min(last, n_steps_) && stop == 0 && !looks_after(state_.step));
    } catch (...) {
      error = std::current_exception();  // after the events of the steps that are under way
    }
    const RecordedSteps::Outcome outcome = recorded_.wait();
    if (outcome.first_bad > 0) state_.step = outcome.first_bad - 1;
    const double step_ms = 1e3 * seconds_since(start) / static_cast<double>(outcome.losses.size());
    for (int64_t k = before + 1; k <= state_.step; ++k) {
      const double loss = outcome.losses.at(static_cast<size_t>(k - before - 1));
      times_.add(step_ms);
      losses_.add(loss);
      // The weights are those after the last one, so an error before it must save nothing.
      whole_ = k == state_.step;
      finish_step(event_of(loss, step_ms, k), stop, on_event);
    }
    whole_ = true;
    if (outcome.first_bad > 0) repeat_bad_step();
    if (error != nullptr) std::rethrow_exception(error);
  }

  // The state is the one before a step that was not finite: the host follows it, and finds out what began it.
  void repeat_bad_step() {
    const std::vector<int64_t> samples = batches_.after(state_.step);
    const TensorMap batch = recorded_.batch(batches_.epoch_of(state_.step), samples);
    const BufferSnapshot buffers(task_.model());
    checked_step(batch, samples, std::ssize(samples));
    buffers.restore();
    fail_step(task_, config_, folder_, state_.step + 1, "the loss or a gradient is not finite", batch,
              samples);
  }

  TrainEvent step(const TensorMap& batch, const std::vector<int64_t>& samples, int64_t n_all,
                  Clock::time_point start) {
    const Range range("train.step");
    const CheckedStep::Loss loss = checked_step(batch, samples, n_all);
    adam_.set_lr(learning_rate_of(state_.step + 1));
    whole_ = false;  // until weights, moments and step number belong together again
    adam_.step();
    ++state_.step;
    whole_ = true;
    const double loss_now = loss.value();  // a device has finished the step when it is here
    const double step_ms = 1e3 * seconds_since(start);
    times_.add(step_ms);
    losses_.add(loss_now);
    return event_of(loss_now, step_ms, state_.step);
  }

  // Forward and backward; the gradients are those of the batch of n_all samples.
  CheckedStep::Loss checked_step(const TensorMap& batch, const std::vector<int64_t>& samples, int64_t n_all) {
    CheckedStep::Loss loss = checked_.run(state_.step + 1, batch, samples, n_all, *signal_);
    if (divided_.is_divided()) agreed_signal_ = loss.signal;
    return loss;
  }

  double learning_rate_of(int64_t step) const {
    return learning_rate_at(config_.training.learning_rate, config_.training.final_learning_rate, step,
                            n_steps_);
  }

  // The event of the step of that number, the last one whose loss is known.
  TrainEvent event_of(double loss, double step_ms, int64_t step) const {
    TrainEvent event;
    event.step = step;
    event.metric_names = task_.metric_names();
    event.n_steps = n_steps_;
    event.epoch = batches_.epoch_of(step - 1);
    event.loss = loss;
    event.mean_loss = losses_.mean();
    event.learning_rate = learning_rate_of(step);
    event.step_ms = step_ms;
    event.median_step_ms = times_.median();
    event.seconds_left = static_cast<double>(n_steps_ - step) * times_.median() * 1e-3;
    return event;
  }

  // Whether the model is looked at after that step.
  bool looks_after(int64_t step) const {
    return validates_after(step) || (logs_ && logs_->has_histograms_after(step));
  }

  bool validates_after(int64_t step) const {
    const int64_t every =
        config_.training.validate_every > 0 ? config_.training.validate_every : batches_.n_of_epoch();
    return step % every == 0 || step == n_steps_;
  }

  // Validation, log and checkpoints, as they are due after a step. Where they are cut short, by a signal
  // or an error, the step is done and the rest of its work is not: a resumed training does that first,
  // from the state before it.
  void finish_step(TrainEvent event, Stop stop, const OnEvent& on_event) {
    const TrainingState before = state_;
    bool complete = false;
    try {
      complete = complete_step(event, stop);
    } catch (...) {
      state_ = before;
      postpone(event);
      throw;
    }
    if (complete) return on_event(event);
    postpone(event);
    save(folder_.last());
  }

  // False where a signal came before the validation was complete.
  bool complete_step(TrainEvent& event, Stop stop) {
    const bool validates = validates_after(event.step);
    if (validates) {
      event.validation = task_.validate([&] { return *signal_ == 0; });
      agree_on_signal();
      divided_.check_same_state(adam_);
      if (event.validation.empty() && stop != 0) return false;
      event.baselines = baselines_;
    }
    state_.validation_due = false;
    state_.loss = state_.step_ms = 0.0;  // of the step whose validation was due
    if (stopping_.note(event.validation, state_)) save(folder_.best());
    stopping_.note_standstill(event.validation, baselines_, state_.step);
    if (!divided_.writes()) return true;
    logs_->step(event, task_);
    const bool due = stop != 0 || seconds_since(saved_) >= config_.training.checkpoint_seconds;
    if (validates || (due && event.step == state_.step)) save(folder_.last());
    if (validates && config_.training.keep > 0) {
      save(folder_.numbered(state_.step));
      folder_.keep_newest(config_.training.keep);
    }
    return true;
  }

  void postpone(const TrainEvent& event) {
    state_.validation_due = true;
    state_.loss = event.loss;
    state_.step_ms = event.step_ms;
  }

  // This rank's samples of the rest of the epoch.
  void announce(const std::vector<std::vector<int64_t>>& batches) {
    std::vector<int64_t> ahead;
    for (const std::vector<int64_t>& batch : batches) {
      const std::vector<int64_t> own = divided_.own_part(batch);
      ahead.insert(ahead.end(), own.begin(), own.end());
    }
    task_.announce(ahead);
  }

  void save(const fs::path& path) {
    if (!divided_.writes()) return;
    save_checkpoint(path, task_.model(), adam_, config_, state_);
    if (path == folder_.last()) {
      saved_ = Clock::now();
      saved_step_ = state_.step;
    }
    if (logs_) logs_->checkpoint(state_.step, path.filename().string());
  }

  Task& task_;
  const std::function<void(const std::string&)> on_remark_;
  const TrainConfig config_;
  const RunFolder folder_;
  DividedStep divided_;
  CheckedStep checked_;
  std::optional<RunLock> lock_;  // of the rank that writes
  const int64_t n_steps_;
  EpochBatches batches_;
  EarlyStopping stopping_;
  Adam adam_;
  RecordedSteps recorded_;
  TrainingState state_;
  std::optional<RunLogs> logs_;  // of the rank that writes
  Window losses_, times_;
  Clock::time_point saved_;
  std::vector<Baseline> baselines_;
  bool whole_ = true;                                   // weights, moments and step number belong together
  int64_t saved_step_ = -1;                             // of last.safetensors
  const volatile std::sig_atomic_t* signal_ = nullptr;  // that this process caught
  volatile std::sig_atomic_t agreed_signal_ = 0;        // that some rank caught, known to all
};

}  // namespace

int64_t n_steps_of(const TrainConfig& config, int64_t n_samples) {
  if (config.training.steps > 0) return config.training.steps;
  return config.training.epochs * ((n_samples + config.training.batch - 1) / config.training.batch);
}

TrainResult train(Task& task, const Settings& settings, bool resume, const volatile std::sig_atomic_t& stop,
                  const std::function<void(const TrainEvent&)>& on_event,
                  const std::function<void(const std::string&)>& on_remark, Communicator* ranks,
                  const MakeExchange& exchange) {
  return Run(task, settings, resume, on_remark, ranks, exchange).run(stop, on_event);
}

}  // namespace primal
