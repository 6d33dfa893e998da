// What the CPU implementations of batch_norm share: their loops over a channel, and what follows from mean
// and variance.
#pragma once

#include <algorithm>
#include <cmath>

#include "nn/batch_norm/batch_norm_kernels.h"

namespace primal::cpu {

// How many parts of n elements make a chunk of a parallel loop: 16384 elements, at least a part.
inline int64_t parts_per_chunk(int64_t n) {
  return std::max<int64_t>(1, (int64_t{1} << 14) / std::max<int64_t>(1, n));
}

// Calls f(row) with the offset of every row [n, c, 0] of channel c.
template <class T, class F>
void for_each_row(View<T, 3> x, int64_t c, const F& f) {
  for (int64_t n = 0; n < x.size(0); ++n) f((n * x.size(1) + c) * x.size(2));
}

// running <- (1 - momentum) running + momentum factor latest
template <class T>
void move_towards(std::span<T> running, std::span<const double> latest, double momentum, double factor) {
  for (size_t c = 0; c < running.size(); ++c) {
    const double before = static_cast<double>(running[c]);
    running[c] = static_cast<T>((1.0 - momentum) * before + momentum * factor * latest[c]);
  }
}

// Fills the channels; statistics(mean, var) gives those of x, var divided by M.
template <class T, class Statistics>
void prepare_channels(View<const T, 3> x, const BatchNormState<T>& state, const BatchNormParams& params,
                      const BatchNormChannels& channels, const Statistics& statistics) {
  const std::span<double> mean = channels.mean, var = channels.r;  // until the root is taken
  if (params.training) {
    statistics(mean, var);
    const double count = static_cast<double>(x.size(0) * x.size(2));
    move_towards<T>(state.running_mean, mean, params.momentum, 1.0);
    move_towards<T>(state.running_var, var, params.momentum, count / (count - 1.0));
  } else {
    std::ranges::copy(state.running_mean, mean.begin());
    std::ranges::copy(state.running_var, var.begin());
  }
  for (size_t c = 0; c < mean.size(); ++c) {
    channels.weight[c] = state.weight.empty() ? 1.0 : static_cast<double>(state.weight[c]);
    channels.r[c] = 1.0 / std::sqrt(var[c] + params.eps);
    channels.scale[c] = channels.weight[c] * channels.r[c];
    channels.shift[c] = state.bias.empty() ? 0.0 : static_cast<double>(state.bias[c]);
    channels.shift[c] -= channels.scale[c] * mean[c];
  }
}

}  // namespace primal::cpu
