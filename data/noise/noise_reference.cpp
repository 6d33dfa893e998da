// The plain loops. Elements are split by geometry, so that the deviation does not depend on the threads.
#include <algorithm>
#include <cmath>

#include "data/noise/noise_kernels.h"

namespace primal::cpu {
namespace {

template <class T>
double sum_of(const Exec& exec, std::span<const T> x, double (*term)(double value, double mean),
              double mean) {
  return parallel_sum(exec, std::ssize(x), kNoiseGrain, [&, values = x.data()](int64_t begin, int64_t end) {
    double sum = 0.0;
    for (int64_t i = begin; i < end; ++i) sum += term(values[i], mean);
    return sum;
  });
}

template <class T>
void sample_deviation(const Exec& exec, std::span<const T> x, double* deviation) {
  *deviation = 0.0;
  if (x.size() == 1) return;
  // Two passes: the deviations are summed around the mean, without cancellation.
  const double n = static_cast<double>(x.size());
  const double mean = sum_of<T>(
                          exec, x, [](double value, double) { return value; }, 0.0) /
                      n;
  const double squares = sum_of<T>(
      exec, x, [](double value, double m) { return (value - m) * (value - m); }, mean);
  *deviation = std::sqrt(squares / (n - 1.0));
}

template <class T>
void add_noise(const Exec& exec, std::span<const T> x, NoiseKind kind, double s, const double* deviation,
               const PhiloxStream& stream, std::span<T> z) {
  const double amplitude = kind == NoiseKind::relative ? s * *deviation : s;
  const int64_t n = std::ssize(x);
  const T* from = x.data();
  T* to = z.data();
  parallel_for(exec, n, kNoiseGrain, [&](int64_t begin, int64_t end) {
    static_assert(kNoiseGrain % 4 == 0, "a chunk begins with the first of four normals");
    for (int64_t i = begin; i < end;) {
      const PhiloxNormals four = philox_normals(stream, static_cast<uint64_t>(i) / 4);
      for (int64_t k = 0; k < 4 && i < end; ++k, ++i) {
        const double noisy =
            static_cast<double>(from[i]) + amplitude * static_cast<double>(static_cast<T>(four.v[k]));
        to[i] = static_cast<T>(kind == NoiseKind::absolute ? std::clamp(noisy, 0.0, 1.0) : noisy);
      }
    }
  });
}

template <class T>
constexpr NoiseImplementation<T> kReferenceOf{
    {kReference, "one pass, elements split into chunks"},
    nullptr,
    {sample_deviation<T>, add_noise<T>, salt_pepper<T>, periodic<T>}};

}  // namespace

const NoiseImplementation<float> noise_reference_f32 = kReferenceOf<float>;
const NoiseImplementation<double> noise_reference_f64 = kReferenceOf<double>;

}  // namespace primal::cpu
