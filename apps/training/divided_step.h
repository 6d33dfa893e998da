// A training step divided among ranks (apps/distributed). Rank r of P takes the samples
// [n r / P, n (r + 1) / P) of a batch of n, in the order of the epoch, and every rank then takes the same
// step of Adam with the sum of all gradients:
//
//   loss  L = 1/n sum over samples = sum over ranks of (n_r / n) L_r
//         L_r the mean over the n_r samples of rank r
//   so each rank's backward starts from n_r / n instead of 1, and the gradients add up to the gradient of L
//   (distributed/gradient_exchange.h).
//
// Gradients travel while the rest of backward still runs: parameters form buckets of about a megabyte, the
// last ones first, and a bucket is sent as soon as its gradients are complete (autograd/gradient_ready.h).
// Buckets do not change the bits of the sums. Beyond 64 ranks they grow with the number of ranks, since each
// bucket costs every rank 2 (P - 1) messages (docs/scaling.md).
//
// Without ranks (nullptr) there is one share, which is the whole batch, and nothing is sent.
//
// Errors: ConfigError for fewer samples in a batch than ranks; DeviceError where the weights of two ranks
//         have come to differ; RankError where another rank ended or does not answer.
#pragma once

#include <csignal>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "apps/distributed/communicator.h"
#include "apps/distributed/host_exchange.h"
#include "nn/adam/adam.h"
#include "nn/batch_norm/batch_gather.h"

namespace primal {

class DividedStep {
 public:
  static constexpr size_t kBucketBytes = size_t{1} << 20;
  // The least size of a bucket, except for the last one: kBucketBytes, or 16 KiB for each rank if that is
  // more, so that messages have at least 16 KiB.
  static size_t bucket_bytes(int64_t ranks);

  // bucket_bytes = 0 chooses the size by the number of ranks.
  DividedStep(Communicator* ranks, const Module& model, const MakeExchange& make_exchange = through_host,
              size_t bucket_bytes = 0);

  // With false, gradients are sent only after the backward pass, for measurements of what sending them
  // earlier gains.
  void set_overlap(bool overlaps) { overlaps_ = overlaps; }
  std::vector<int64_t> bucket_sizes() const;  // elements of each bucket, in the order of sending

  bool is_divided() const { return ranks_ != nullptr; }
  bool writes() const { return ranks_ == nullptr || ranks_->is_first(); }  // files and logs
  Communicator* ranks() const { return ranks_; }

  // Whether every rank gets a sample of a whole batch. The last batch of an epoch may leave ranks without
  // any, unless the model has batch normalisation, which all ranks do together.
  void check_batch(int64_t batch, int64_t n_samples) const;
  std::vector<int64_t> own_part(const std::vector<int64_t>& samples) const;
  void begin(int64_t step) const;  // the step that errors name

  // The mean loss of this rank's samples: make_loss() with batch normalisation over the whole batch
  // (nn/batch_norm/batch_gather.h).
  Variable forward(const std::function<Variable()>& make_loss) const;
  // The backward pass of this rank's mean loss over n_own of n samples; an undefined loss for none. Complete
  // gradients are on their way to the other ranks when it returns.
  void backward(const Variable& loss, int64_t n_own, int64_t n);
  // Replaces the gradients by their sums over the ranks, in the order of the device's work.
  void sum_gradients();
  // agree() returns L, computed from the ranks' L_r, and the signal that ends the training of all ranks. When
  // it returns, the sums are complete; before that nothing may wait for the device
  // (distributed/nccl_exchange.h).
  struct Agreed {
    double loss;
    int signal;
  };
  Agreed agree(double own_loss, int64_t n_own, int64_t n, int signal) const;
  // Ends the exchange of gradients that is under way, because this rank leaves the training.
  void abandon() noexcept;
  // The largest of the signals that the ranks caught, so that all stop after the same step; 0 for none.
  int agree_on_signal(int own) const;
  // A decision of rank 0 on all ranks.
  bool as_first_decides(bool own) const;
  // DeviceError where parameters, buffers or Adam's state differ between ranks by a single bit.
  void check_same_state(const Adam& adam) const;

 private:
  // Parameters whose gradients travel together.
  struct Bucket {
    std::vector<size_t> parameters;
    size_t n = 0;       // elements
    size_t n_open = 0;  // gradients that are not complete
  };

  BatchGather gather_batches() const;
  void complete(size_t parameter);
  void send_complete_buckets();
  std::vector<Tensor> gradients_of(const Bucket& bucket) const;

  Communicator* ranks_;
  const Module& model_;
  std::vector<Variable> parameters_;
  std::vector<size_t> bucket_of_;  // of each parameter
  std::vector<Bucket> buckets_;    // in the order in which all ranks send them
  std::unique_ptr<GradientExchange> exchange_;
  size_t n_sent_ = 0;
  bool overlaps_ = true;
};

}  // namespace primal
