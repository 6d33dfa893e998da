// A channel belongs to one thread, so every sum has one order.
#include "nn/batch_norm/batch_norm_kernels.h"
#include "nn/batch_norm/batch_norm_prepare.h"

namespace primal::cpu {
namespace {

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

template <class T>
void prepare(const Exec& exec, View<const T, 3> x, const BatchNormState<T>& state,
             const BatchNormParams& params, const BatchNormChannels& channels) {
  prepare_channels(x, state, params, channels,
                   [&](std::span<double> mean, std::span<double> var) { statistics(exec, x, mean, var); });
}

template <class T>
void forward(const Exec& exec, View<const T, 3> x, const BatchNormChannels& channels, View<T, 3> y) {
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
void backward(const Exec& exec, View<const T, 3> x, const BatchNormChannels& channels, bool training,
              View<const T, 3> grad_y, View<T, 3> grad_x, std::span<T> grad_weight, std::span<T> grad_bias) {
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

bool anything(const OnlyShape&) { return true; }

template <class T>
constexpr BatchNormImplementation<T> kReferenceOf{
    {kReference, "channel by channel, sums in double"}, anything, {prepare<T>, forward<T>, backward<T>}};

}  // namespace

const BatchNormImplementation<float> batch_norm_reference_f32 = kReferenceOf<float>;
const BatchNormImplementation<double> batch_norm_reference_f64 = kReferenceOf<double>;

}  // namespace primal::cpu
