#include "nn/mse_loss/mse_loss_kernels.h"

namespace primal::cpu {
namespace {

constexpr int64_t kGrain = 1 << 14;  // elements per chunk: also how the sum is split, whatever the threads

}  // namespace

template <class T>
void mse_loss_forward(const Exec& exec, std::span<const T> x, std::span<const T> target, std::span<T> y) {
  const double sum = parallel_sum(exec, std::ssize(x), kGrain, [&](int64_t begin, int64_t end) {
    double chunk = 0.0;
    for (int64_t i = begin; i < end; ++i) {
      const double difference = static_cast<double>(x[i]) - static_cast<double>(target[i]);
      chunk += difference * difference;
    }
    return chunk;
  });
  y[0] = static_cast<T>(sum / static_cast<double>(x.size()));
}

template <class T>
void mse_loss_backward(const Exec& exec, std::span<const T> x, std::span<const T> target, double factor,
                       std::span<const T> grad_y, std::span<T> grad) {
  const T scale = static_cast<T>(factor * static_cast<double>(grad_y[0]));
  parallel_for(exec, std::ssize(x), kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) grad[i] += scale * (x[i] - target[i]);
  });
}

template void mse_loss_forward(const Exec&, std::span<const float>, std::span<const float>, std::span<float>);
template void mse_loss_forward(const Exec&, std::span<const double>, std::span<const double>,
                               std::span<double>);
template void mse_loss_backward(const Exec&, std::span<const float>, std::span<const float>, double,
                                std::span<const float>, std::span<float>);
template void mse_loss_backward(const Exec&, std::span<const double>, std::span<const double>, double,
                                std::span<const double>, std::span<double>);

}  // namespace primal::cpu
