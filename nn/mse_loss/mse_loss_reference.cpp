#include "nn/mse_loss/mse_loss_kernels.h"

namespace primal::cpu {
namespace {

constexpr int64_t kGrain = 1 << 14;  // elements per chunk: also how the sum is split, whatever the threads

template <class T>
void forward(const Exec& exec, std::span<const T> x, std::span<const T> target, std::span<T> y) {
  const double sum = parallel_sum(exec, std::ssize(x), kGrain, [&](int64_t begin, int64_t end) {
    const T *of_x = x.data(), *of_target = target.data();
    double chunk = 0.0;
    for (int64_t i = begin; i < end; ++i) {
      const double difference = static_cast<double>(of_x[i]) - static_cast<double>(of_target[i]);
      chunk += difference * difference;
    }
    return chunk;
  });
  y[0] = static_cast<T>(sum / static_cast<double>(x.size()));
}

template <class T>
void backward(const Exec& exec, std::span<const T> x, std::span<const T> target, double factor,
              std::span<const T> grad_y, bool add, std::span<T> grad) {
  const T scale = static_cast<T>(factor * static_cast<double>(grad_y[0]));
  parallel_for(exec, std::ssize(x), kGrain, [&](int64_t begin, int64_t end) {
    const T *of_x = x.data(), *of_target = target.data();
    T* to = grad.data();
    for (int64_t i = begin; i < end; ++i) to[i] = (add ? to[i] : T(0)) + scale * (of_x[i] - of_target[i]);
  });
}

template <class T>
constexpr MseLossImplementation<T> kReferenceOf{
    {kReference, "one pass, the sum in double"}, nullptr, {forward<T>, backward<T>}};

}  // namespace

const MseLossImplementation<float> mse_loss_reference_f32 = kReferenceOf<float>;
const MseLossImplementation<double> mse_loss_reference_f64 = kReferenceOf<double>;

}  // namespace primal::cpu
