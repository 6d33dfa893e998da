#include "apps/training/epoch_batches.h"

#include <algorithm>

#include "data/dataset/dataset.h"

namespace primal {

std::vector<int64_t> EpochBatches::after(int64_t n_done) {
  const int64_t epoch = epoch_of(n_done), begin = n_done % n_of_epoch() * batch_;
  const auto batch_at = [this](int64_t at) {
    return std::vector<int64_t>(order_.begin() + at, order_.begin() + std::min(at + batch_, n_samples_));
  };
  if (epoch != order_epoch_) {
    order_ = epoch_order(n_samples_, seed_, static_cast<uint32_t>(epoch));
    order_epoch_ = epoch;
    std::vector<std::vector<int64_t>> rest;
    for (int64_t at = begin; at < n_samples_; at += batch_) rest.push_back(batch_at(at));
    announce_(rest);
  }
  return batch_at(begin);
}

}  // namespace primal
