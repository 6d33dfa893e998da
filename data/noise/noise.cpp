#include "data/noise/noise.h"

#include <algorithm>
#include <cmath>

#include "tensor/error.h"
#include "tensor/exec.h"

namespace primal {
namespace {

constexpr int64_t kGrain = 1 << 14;  // elements in a parallel chunk

template <class T>
double sum_of(const Tensor& x, double (*term)(double value, double mean), double mean) {
  const T* values = x.data<T>();
  return parallel_sum(Exec{}, x.numel(), kGrain, [&](int64_t begin, int64_t end) {
    double sum = 0.0;
    for (int64_t i = begin; i < end; ++i) sum += term(static_cast<double>(values[i]), mean);
    return sum;
  });
}

}  // namespace

NoiseKind parse_noise_kind(const std::string& text) {
  if (text == "relative") return NoiseKind::relative;
  if (text == "absolute") return NoiseKind::absolute;
  throw ConfigError(
      "[noise] unknown kind \"{}\": relative (z = x + s std(x) n) or absolute (z = clip(x + s n, 0, 1))",
      text);
}

std::string_view name_of(NoiseKind kind) { return kind == NoiseKind::relative ? "relative" : "absolute"; }

double sample_deviation(const Tensor& x) {
  if (!x.defined() || x.numel() == 0) throw ShapeError("[noise] needs a picture, got an empty tensor");
  if (x.numel() == 1) return 0.0;
  return dispatch_floating(x.dtype(), "noise", [&]<class T>() {
    // Two passes: the deviations are summed around the mean, without cancellation.
    const double n = static_cast<double>(x.numel());
    const double mean = sum_of<T>(
                            x, [](double value, double) { return value; }, 0.0) /
                        n;
    const double squares = sum_of<T>(
        x, [](double value, double m) { return (value - m) * (value - m); }, mean);
    return std::sqrt(squares / (n - 1.0));
  });
}

Tensor add_noise(const Tensor& x, NoiseKind kind, double s, const RandomStream& stream) {
  if (!(s >= 0.0) || !std::isfinite(s))
    throw ConfigError("[noise] level must be at least 0 and finite, got {}", s);
  const double amplitude = kind == NoiseKind::relative ? s * sample_deviation(x) : s;
  const Tensor z = Tensor::empty(x.shape(), x.dtype());
  dispatch_floating(x.dtype(), "noise", [&]<class T>() {
    const T* from = x.data<T>();
    T* to = z.data<T>();
    stream.fill_normal(z);
    parallel_for(Exec{}, x.numel(), kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const double noisy = static_cast<double>(from[i]) + amplitude * static_cast<double>(to[i]);
        to[i] = static_cast<T>(kind == NoiseKind::absolute ? std::clamp(noisy, 0.0, 1.0) : noisy);
      }
    });
  });
  return z;
}

double draw_noise_level(double low, double high, const NoiseKey& key) {
  if (!(low >= 0.0) || !(high >= low) || !std::isfinite(high)) {
    throw ConfigError("[noise] level range must be 0 <= low <= high, got [{}, {}]", low, high);
  }
  const RandomStream stream(key.seed, RandomPurpose::noise_level, key.epoch, key.sample);
  return low + (high - low) * stream.uniform(0);
}

Tensor add_noise(const Tensor& x, NoiseKind kind, double s, const NoiseKey& key) {
  return add_noise(x, kind, s, RandomStream(key.seed, RandomPurpose::noise, key.epoch, key.sample));
}

}  // namespace primal
