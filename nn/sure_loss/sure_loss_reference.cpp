#include "nn/sure_loss/sure_loss_kernels.h"

namespace primal::cpu {
namespace {

constexpr int64_t kGrain = 1 << 14;  // elements per chunk: also how the sum is split, whatever the threads

// sigma and eps of element i.
template <class T>
double sigma_at(const SureNoise<T>& noise, int64_t i) {
  return static_cast<double>(noise.sigma[static_cast<size_t>(i / noise.sigma_each)]);
}
template <class T>
double eps_at(const SureNoise<T>& noise, int64_t i) {
  return static_cast<double>(noise.eps[static_cast<size_t>(i / noise.eps_each)]);
}

template <class T>
void forward(const Exec& exec, const SurePictures<T>& pictures, const SureNoise<T>& noise, std::span<T> y) {
  const int64_t n = std::ssize(pictures.f);
  const double sum = parallel_sum(exec, n, kGrain, [&](int64_t begin, int64_t end) {
    const T *f = pictures.f.data(), *h = pictures.h.data(), *z = pictures.z.data(), *b = pictures.b.data();
    double chunk = 0.0;
    for (int64_t i = begin; i < end; ++i) {
      const double sigma = sigma_at(noise, i), here = static_cast<double>(f[i]);
      const double residual = here - static_cast<double>(z[i]);
      const double along = static_cast<double>(b[i]) * (static_cast<double>(h[i]) - here) / eps_at(noise, i);
      chunk += residual * residual + sigma * sigma * (2.0 * along - 1.0);
    }
    return chunk;
  });
  y[0] = static_cast<T>(sum / static_cast<double>(n));
}

template <class T>
void backward_f(const Exec& exec, const SurePictures<T>& pictures, const SureNoise<T>& noise,
                std::span<const T> grad_y, std::span<T> grad_f) {
  const int64_t n = std::ssize(grad_f);
  const double factor = 2.0 / static_cast<double>(n) * static_cast<double>(grad_y[0]);
  parallel_for(exec, n, kGrain, [&](int64_t begin, int64_t end) {
    const T *f = pictures.f.data(), *z = pictures.z.data(), *b = pictures.b.data();
    T* to = grad_f.data();
    for (int64_t i = begin; i < end; ++i) {
      const double sigma = sigma_at(noise, i);
      const double residual = static_cast<double>(f[i]) - static_cast<double>(z[i]);
      to[i] +=
          static_cast<T>(factor * (residual - sigma * sigma / eps_at(noise, i) * static_cast<double>(b[i])));
    }
  });
}

template <class T>
void backward_h(const Exec& exec, std::span<const T> b, const SureNoise<T>& noise, std::span<const T> grad_y,
                std::span<T> grad_h) {
  const int64_t n = std::ssize(grad_h);
  const double factor = 2.0 / static_cast<double>(n) * static_cast<double>(grad_y[0]);
  parallel_for(exec, n, kGrain, [&](int64_t begin, int64_t end) {
    const T* sign = b.data();
    T* to = grad_h.data();
    for (int64_t i = begin; i < end; ++i) {
      const double sigma = sigma_at(noise, i);
      to[i] += static_cast<T>(factor * sigma * sigma / eps_at(noise, i) * static_cast<double>(sign[i]));
    }
  });
}

template <class T>
constexpr SureLossImplementation<T> kReferenceOf{
    {kReference, "one pass, the sum in double"}, nullptr, {forward<T>, backward_f<T>, backward_h<T>}};

}  // namespace

const SureLossImplementation<float> sure_loss_reference_f32 = kReferenceOf<float>;
const SureLossImplementation<double> sure_loss_reference_f64 = kReferenceOf<double>;

}  // namespace primal::cpu
