// What a training run makes of its validations: the best model so far, and when to give up.
//
//   better by more than delta   metric > than + delta, or metric < than - delta where smaller is better
//   best                        better than all validations before (delta 0)
//   patience                    ends the run after training.patience validations, none of which is better by
//                               more than training.min_delta
//
// The metric is the first of Task::metric_names(). A mean that does not exist, since every picture has an
// infinite score, is neither better nor worse.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/training/baseline.h"
#include "apps/training/checkpoint.h"
#include "apps/training/task.h"

namespace primal {

class EarlyStopping {
 public:
  using OnRemark = std::function<void(const std::string&)>;

  EarlyStopping(const Task& task, const TrainConfig& config, OnRemark on_remark)
      : task_(task), config_(config), on_remark_(std::move(on_remark)) {}

  // Enters the validation of step state.step, if there was one, in `state`. True where it is the best so far:
  // the model should be saved.
  bool note(const Metrics& metrics, TrainingState& state);
  // Remarks once that the results equal the noisy pictures of the baselines: a map that is 0 everywhere has
  // no gradient, so the training does not recover.
  void note_standstill(const Metrics& metrics, const std::vector<Baseline>& baselines, int64_t step);
  bool out_of_patience(const TrainingState& state) const {
    return config_.training.patience > 0 && state.n_waited >= config_.training.patience;
  }

 private:
  bool is_better(double metric, double than, double by_more) const;

  const Task& task_;
  const TrainConfig& config_;
  const OnRemark on_remark_;
  bool said_no_mean_ = false, said_standstill_ = false;
};

}  // namespace primal
