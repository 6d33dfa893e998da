// A channel belongs to one thread, so every sum has one order.
#include <algorithm>
#include <cmath>

#include "nn/batch_norm/batch_norm_kernels.h"

namespace primal::cpu {
namespace {

constexpr int64_t kGrain = 1 << 14;  // elements per parallel chunk, at least a channel

// How many parts of n elements make a chunk.
int64_t parts_per_chunk(int64_t n) { return std::max<int64_t>(1, kGrain / std::max<int64_t>(1, n)); }

// Calls f(row) with the offset of every row [n, c, 0] of channel c.
template <class T, class F>
void for_each_row(View<T, 3> x, int64_t c, const F& f) {
  for (int64_t n = 0; n < x.size(0); ++n) f((n * x.size(1) + c) * x.size(2));
}

// x [N,C,S] -> mean [C], var [C] (divided by M = N S)
template <class T>
void statistics(const Exec& exec, View<const T, 3> x, std::span<double> mean, std::span<double> var) {
  const int64_t n_pixels = x.size(2);
  const double count = static_cast<double>(x.size(0) * n_pixels);
  parallel_for(exec, x.size(1), parts_per_chunk(x.size(0) * n_pixels), [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      double sum = 0.0;
      for_each_row(x, c, [&](int64_t row) {
#pragma omp simd reduction(+ : sum)
        for (int64_t s = 0; s < n_pixels; ++s) sum += static_cast<double>(x.data[row + s]);
      });
      const double centre = sum / count;
      // A second pass: the difference of sum of squares and squared sum would cancel.
      double squares = 0.0;
      for_each_row(x, c, [&](int64_t row) {
#pragma omp simd reduction(+ : squares)
        for (int64_t s = 0; s < n_pixels; ++s) {
          const double difference = static_cast<double>(x.data[row + s]) - centre;
          squares += difference * difference;
        }
      });
      mean[static_cast<size_t>(c)] = centre;
      var[static_cast<size_t>(c)] = squares / count;
    }
  });
}

// running <- (1 - momentum) running + momentum factor latest
template <class T>
void move_towards(std::span<T> running, std::span<const double> latest, double momentum, double factor) {
  for (size_t c = 0; c < running.size(); ++c) {
    const double before = static_cast<double>(running[c]);
    running[c] = static_cast<T>((1.0 - momentum) * before + momentum * factor * latest[c]);
  }
}

}  // namespace

template <class T>
void batch_norm_prepare(const Exec& exec, View<const T, 3> x, const BatchNormState<T>& state,
                        const BatchNormParams& params, const BatchNormChannels& channels) {
  const std::span<double> mean = channels.mean, var = channels.r;  // until the root is taken
  if (params.training) {
    statistics(exec, x, mean, var);
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

template <class T>
void batch_norm_forward(const Exec& exec, View<const T, 3> x, const BatchNormChannels& channels,
                        View<T, 3> y) {
  const int64_t n_channels = x.size(1), n_pixels = x.size(2);
  parallel_for(exec, x.size(0) * n_channels, parts_per_chunk(n_pixels), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto c = static_cast<size_t>(i % n_channels);
      const double a = channels.scale[c], b = channels.shift[c];
      const T* in = x.data + i * n_pixels;
      T* out = y.data + i * n_pixels;
      // In double: a x and b cancel where the mean is far from zero.
      for (int64_t s = 0; s < n_pixels; ++s) out[s] = static_cast<T>(a * static_cast<double>(in[s]) + b);
    }
  });
}

template <class T>
void batch_norm_backward(const Exec& exec, View<const T, 3> x, const BatchNormChannels& channels,
                         bool training, View<const T, 3> grad_y, View<T, 3> grad_x, std::span<T> grad_weight,
                         std::span<T> grad_bias) {
  const int64_t n_pixels = x.size(2);
  const double count = static_cast<double>(x.size(0) * n_pixels);
  parallel_for(exec, x.size(1), parts_per_chunk(x.size(0) * n_pixels), [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      const auto at = static_cast<size_t>(c);
      const double mean = channels.mean[at], r = channels.r[at];
      double sum_g = 0.0, sum_gu = 0.0;  // of grad_y and of grad_y u
      for_each_row(x, c, [&](int64_t row) {
#pragma omp simd reduction(+ : sum_g, sum_gu)
        for (int64_t s = 0; s < n_pixels; ++s) {
          const double g = static_cast<double>(grad_y.data[row + s]);
          sum_g += g;
          sum_gu += g * ((static_cast<double>(x.data[row + s]) - mean) * r);
        }
      });
      if (!grad_weight.empty()) grad_weight[at] += static_cast<T>(sum_gu);
      if (!grad_bias.empty()) grad_bias[at] += static_cast<T>(sum_g);
      if (grad_x.data == nullptr) continue;
      const double factor = channels.weight[at] * r;
      const double mean_g = training ? sum_g / count : 0.0, mean_gu = training ? sum_gu / count : 0.0;
      for_each_row(x, c, [&](int64_t row) {
        for (int64_t s = 0; s < n_pixels; ++s) {
          const double u = (static_cast<double>(x.data[row + s]) - mean) * r;
          const double g = static_cast<double>(grad_y.data[row + s]);
          grad_x.data[row + s] += static_cast<T>(factor * (g - mean_g - u * mean_gu));
        }
      });
    }
  });
}

template void batch_norm_prepare(const Exec&, View<const float, 3>, const BatchNormState<float>&,
                                 const BatchNormParams&, const BatchNormChannels&);
template void batch_norm_prepare(const Exec&, View<const double, 3>, const BatchNormState<double>&,
                                 const BatchNormParams&, const BatchNormChannels&);
template void batch_norm_forward(const Exec&, View<const float, 3>, const BatchNormChannels&, View<float, 3>);
template void batch_norm_forward(const Exec&, View<const double, 3>, const BatchNormChannels&,
                                 View<double, 3>);
template void batch_norm_backward(const Exec&, View<const float, 3>, const BatchNormChannels&, bool,
                                  View<const float, 3>, View<float, 3>, std::span<float>, std::span<float>);
template void batch_norm_backward(const Exec&, View<const double, 3>, const BatchNormChannels&, bool,
                                  View<const double, 3>, View<double, 3>, std::span<double>,
                                  std::span<double>);

}  // namespace primal::cpu
