// The batches of a training run: each epoch shuffles the samples anew (data/dataset: epoch_order) and cuts
// them into batches, the last of which may be smaller. They depend on the seed and the number of the step
// alone, so a resumed run goes on where it stopped.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace primal {

class EpochBatches {
 public:
  // announce(batches) is called with the rest of an epoch's batches when the first of them is asked for.
  using Announce = std::function<void(const std::vector<std::vector<int64_t>>& batches)>;

  EpochBatches(int64_t n_samples, int64_t batch, uint64_t seed, Announce announce)
      : n_samples_(n_samples), batch_(batch), seed_(seed), announce_(std::move(announce)) {}

  int64_t n_of_epoch() const { return (n_samples_ + batch_ - 1) / batch_; }
  int64_t epoch_of(int64_t n_done) const { return n_done / n_of_epoch(); }
  // The samples of the step that follows n_done steps.
  std::vector<int64_t> after(int64_t n_done);

 private:
  const int64_t n_samples_, batch_;
  const uint64_t seed_;
  const Announce announce_;
  std::vector<int64_t> order_;  // of the samples in order_epoch_
  int64_t order_epoch_ = -1;
};

}  // namespace primal
