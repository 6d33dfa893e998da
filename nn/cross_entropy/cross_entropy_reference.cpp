#include <algorithm>
#include <cmath>

#include "nn/cross_entropy/cross_entropy_kernels.h"

namespace primal::cpu {
namespace {

constexpr int64_t kGrain = 256;  // labels per chunk: also how the sum is split, whatever the threads

template <class T>
void forward(const Exec& exec, View<const T, 3> x, std::span<const int64_t> labels, std::span<double> log_sum,
             std::span<T> y) {
  const int64_t n_classes = x.size(1), n_pixels = x.size(2);
  const double sum = parallel_sum(exec, std::ssize(labels), kGrain, [&](int64_t begin, int64_t end) {
    double chunk = 0.0;
    for (int64_t i = begin; i < end; ++i) {
      const T* logit = &x(i / n_pixels, 0, i % n_pixels);  // class k is k S behind
      double highest = logit[0];
      for (int64_t k = 1; k < n_classes; ++k)
        highest = std::max(highest, static_cast<double>(logit[k * n_pixels]));
      double exponentials = 0.0;
      for (int64_t k = 0; k < n_classes; ++k)
        exponentials += std::exp(static_cast<double>(logit[k * n_pixels]) - highest);
      const auto at = static_cast<size_t>(i);
      log_sum[at] = highest + std::log(exponentials);
      chunk += log_sum[at] - static_cast<double>(logit[labels[at] * n_pixels]);
    }
    return chunk;
  });
  y[0] = static_cast<T>(sum / static_cast<double>(labels.size()));
}

template <class T>
void backward(const Exec& exec, View<const T, 3> x, std::span<const int64_t> labels,
              std::span<const double> log_sum, std::span<const T> grad_y, View<T, 3> grad_x) {
  const double factor = static_cast<double>(grad_y[0]) / static_cast<double>(labels.size());
  const int64_t n_classes = x.size(1), n_pixels = x.size(2);
  parallel_for(exec, std::ssize(labels), kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto at = static_cast<size_t>(i);
      for (int64_t k = 0; k < n_classes; ++k) {
        const int64_t element = x.offset(i / n_pixels, k, i % n_pixels);
        const double probability = std::exp(static_cast<double>(x.data[element]) - log_sum[at]);
        grad_x.data[element] += static_cast<T>(factor * (probability - (k == labels[at] ? 1.0 : 0.0)));
      }
    }
  });
}

template <class T>
constexpr CrossEntropyImplementation<T> kReferenceOf{
    {kReference, "sample by sample in double"}, nullptr, {forward<T>, backward<T>}};

}  // namespace

const CrossEntropyImplementation<float> cross_entropy_reference_f32 = kReferenceOf<float>;
const CrossEntropyImplementation<double> cross_entropy_reference_f64 = kReferenceOf<double>;

}  // namespace primal::cpu
