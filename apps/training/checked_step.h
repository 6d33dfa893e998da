// Forward and backward of a training step that the host follows, kernel by kernel, and checks: a loss or a
// gradient that is not finite ends the training with a file that repeats the step (failed_step.h). The
// weights are not touched.
#pragma once

#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/training/config.h"
#include "apps/training/divided_step.h"
#include "apps/training/run_folder.h"
#include "apps/training/task.h"

namespace primal {

class CheckedStep {
 public:
  CheckedStep(Task& task, const TrainConfig& config, const RunFolder& folder, DividedStep& divided)
      : task_(task), config_(config), folder_(folder), divided_(divided) {}

  struct Loss {
    Variable own;                    // the mean over this rank's samples; undefined where it has none
    std::optional<double> of_batch;  // on which the ranks agreed
    int signal = 0;                  // caught by some rank, known to all

    double value() const { return of_batch ? *of_batch : own.value().item(); }
  };

  // Step number `step`, on this rank's samples of a batch of n_all; the gradients are those of the
  // batch. `signal` is what this process caught. If an error is thrown, buffers such as running means
  // are what they were before.
  Loss run(int64_t step, const TensorMap& batch, const std::vector<int64_t>& samples, int64_t n_all,
           const volatile std::sig_atomic_t& signal);

 private:
  Variable finite_loss(int64_t step, const TensorMap& batch, const std::vector<int64_t>& samples);
  void check_gradients(int64_t step, const TensorMap& batch, const std::vector<int64_t>& samples);

  Task& task_;
  const TrainConfig& config_;
  const RunFolder& folder_;
  DividedStep& divided_;
};

}  // namespace primal
