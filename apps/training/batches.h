// What tasks make batches and metrics with.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "apps/training/baseline.h"
#include "apps/training/config.h"
#include "tensor/tensor.h"

namespace primal {

// N tensors [1,..] as one [N,..]; a single one is handed on.
inline Tensor stacked(std::span<const Tensor> tensors) {
  const Tensor& first = tensors.front();
  if (tensors.size() == 1) return first;
  const Tensor all = Tensor::empty(first.shape().with(0, std::ssize(tensors)), first.dtype(), first.device());
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto n = static_cast<int64_t>(i);
    all.slice(n, n + 1).copy_from(tensors[i]);
  }
  return all;
}

// The epoch in which validation draws its noise: the same noise every time, and never that of a training
// epoch.
inline constexpr uint32_t kValidationEpoch = std::numeric_limits<uint32_t>::max();

// How many of n samples train: with training.overfit the first so many.
inline int64_t n_in_training(const TrainConfig& config, int64_t n) {
  return config.training.overfit > 0 ? std::min(n, config.training.overfit) : n;
}

// A score of a whole set, which is one number.
inline ScoreSummary metric_of(double value) { return summarise_scores(std::vector{value}); }

}  // namespace primal
