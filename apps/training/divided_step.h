// A training step divided among ranks (apps/distributed). Rank r of P takes the samples [n r / P, n (r + 1) / P) of a batch of n, in the
// order of the epoch, and every rank then takes the same step of Adam with the sum of all gradients:
//
//   loss  L = 1/n sum over samples = sum over ranks of (n_r / n) L_r,   L_r the mean over the n_r samples of rank r
//   so each rank's backward starts from n_r / n instead of 1, and the gradients add up to the gradient of L (distributed/all_reduce.h).
//
// Without ranks (nullptr) there is one share, which is the whole batch, and nothing is sent.
//
// Errors: ConfigError for fewer samples in a batch than ranks; DeviceError where the weights of two ranks have come to differ;
//         RankError where another rank ended or does not answer.
#pragma once

#include <csignal>
#include <cstdint>
#include <functional>
#include <vector>

#include "apps/distributed/communicator.h"
#include "nn/adam/adam.h"
#include "nn/batch_norm/batch_gather.h"

namespace primal {

class DividedStep {
 public:
  DividedStep(Communicator* ranks, const Module& model);

  bool is_divided() const { return ranks_ != nullptr; }
  bool writes() const { return ranks_ == nullptr || ranks_->is_first(); }  // files and logs
  Communicator* ranks() const { return ranks_; }

  // Whether every rank gets a sample of a whole batch. The last batch of an epoch may leave ranks without any, unless the model has
  // batch normalisation, which all ranks do together.
  void check_batch(int64_t batch, int64_t n_samples) const;
  std::vector<int64_t> own_part(const std::vector<int64_t>& samples) const;
  void begin(int64_t step) const;  // the step that errors name

  // The mean loss of this rank's samples: make_loss() with batch normalisation over the whole batch (nn/batch_norm/batch_gather.h).
  Variable forward(const std::function<Variable()>& make_loss) const;
  // The backward pass of this rank's mean loss over n_own of n samples; an undefined loss for none.
  void backward(const Variable& loss, int64_t n_own, int64_t n) const;
  // Replaces the gradients by their sums over the ranks.
  void sum_gradients();
  // L from the ranks' L_r.
  double sum_loss(double own_loss, int64_t n_own, int64_t n) const;

  // The largest of the signals that the ranks caught, so that all stop after the same step; 0 for none.
  int agree_on_signal(int own) const;
  // A decision of rank 0 on all ranks.
  bool as_first_decides(bool own) const;
  // DeviceError where parameters, buffers or Adam's state differ between ranks by a single bit.
  void check_same_state(const Adam& adam) const;

 private:
  BatchGather gather_batches() const;

  Communicator* ranks_;
  const Module& model_;
  std::vector<float> gradients_;  // of all parameters, one after the other
};

}  // namespace primal
