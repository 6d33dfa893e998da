// The training loop: epochs of shuffled samples, Adam, validation, checkpoints, and a way to stop and go on.
//
// Order, noise and initial weights depend on (seed, epoch, sample) alone, so a run that was stopped after
// step k and resumed gives the same losses, bit for bit, as one that was not.
//
// The output folder (run_folder.h) can be read at any moment. last.safetensors is written at each validation,
// at least every training.checkpoint_seconds, when stopped, and when an error ends the training.
#pragma once

#include <csignal>
#include <functional>

#include "apps/distributed/communicator.h"
#include "apps/distributed/host_exchange.h"
#include "apps/training/checkpoint.h"
#include "apps/training/metrics_log.h"
#include "apps/training/settings.h"
#include "apps/training/task.h"

namespace primal {

struct TrainEvent : StepRecord {
  int64_t n_steps = 0;          // in all
  double median_step_ms = 0.0;  // of the last 200 steps
  double seconds_left = 0.0;
  std::vector<std::string> metric_names;  // of the validation and the baselines
  std::vector<Baseline> baselines;        // where it has a validation
};

struct TrainResult {
  int64_t step = 0;
  double mean_loss = 0.0;  // of the last 200 steps
  double seconds = 0.0;
  int stopped_by = 0;            // the signal's number, or 0
  bool out_of_patience = false;  // training.patience ended it
  int64_t best_step = 0;         // of best.safetensors; 0: no validation yet
  double best = 0.0;             // its first metric
};

// Steps that the configuration asks for.
int64_t n_steps_of(const TrainConfig& config, int64_t n_samples);

// Trains to the end of the configuration, until training.patience ends it, or until *stop becomes a signal's
// number: then the step is finished and saved. With resume it goes on from last.safetensors; DataError where
// the pictures are not those of the checkpoint. Otherwise it starts from fresh weights or from
// training.init's, and on_remark hears what is worth knowing about those. NumericError at the first loss or
// gradient that is not finite, naming the step, its pictures and the op that made it, once the step is saved
// as nan_step_N.safetensors (step_file.h). Whatever error ends it, the steps done are saved in
// last.safetensors where the disk takes them, and the log of events ends with the reason.
// With `ranks` this process is one of several that train together (divided_step.h) and add their gradients
// with that exchange: rank 0 alone writes files and calls on_remark, and a signal that any rank caught stops
// all after the same step.
TrainResult train(Task& task, const Settings& settings, bool resume, const volatile std::sig_atomic_t& stop,
                  const std::function<void(const TrainEvent&)>& on_event,
                  const std::function<void(const std::string&)>& on_remark = {},
                  Communicator* ranks = nullptr, const MakeExchange& exchange = through_host);

}  // namespace primal
