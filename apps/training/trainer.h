// The training loop: epochs of shuffled samples, Adam, validation, checkpoints, and a way to stop and go on.
//
// Order, noise and initial weights depend on (seed, epoch, sample) alone, so a run that was stopped after step k and resumed
// gives the same losses, bit for bit, as one that was not.
//
// In the output folder, all readable at any moment:
//   last.safetensors   at each epoch, at least every training.checkpoint_seconds, and when stopped
//   best.safetensors   the best validation so far (by the task's first metric)
//   metrics.csv        step, epoch, loss, ms, and the validation's numbers where an epoch ends
#pragma once

#include <csignal>
#include <functional>

#include "apps/training/checkpoint.h"
#include "apps/training/config.h"
#include "apps/training/task.h"

namespace primal {

struct TrainEvent {
  int64_t step = 0, n_steps = 0;  // steps done, and in all
  int64_t epoch = 0;
  double loss = 0.0;       // of this step
  double mean_loss = 0.0;  // of the last 200 steps
  double step_ms = 0.0;    // median of the last 200 steps
  double seconds_left = 0.0;
  Metrics validation;  // after an epoch, else empty
};

struct TrainResult {
  int64_t step = 0;
  double mean_loss = 0.0;  // of the last 200 steps
  double seconds = 0.0;
  int stopped_by = 0;  // the signal's number, or 0
};

// Steps that the configuration asks for.
int64_t n_steps_of(const TrainConfig& config, int64_t n_samples);

// Trains to the end of the configuration, or until *stop becomes a signal's number: then the step is finished and saved.
// With resume it goes on from last.safetensors. NumericError at the first loss or gradient that is not finite, naming the
// step and its pictures; the checkpoint before it stays.
TrainResult train(Task& task, const TrainConfig& config, bool resume, const volatile std::sig_atomic_t& stop,
                  const std::function<void(const TrainEvent&)>& on_event);

}  // namespace primal
