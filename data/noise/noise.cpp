#include "data/noise/noise.h"

#include <cmath>
#include <span>

#include "data/noise/noise_kernels.h"
#include "tensor/error.h"
#include "tensor/exec.h"

namespace primal {
namespace {

constexpr const NoiseImplementation<float>* kF32[] = {PRIMAL_DEVICES(noise_philox), &cpu::noise_simd};
constexpr const NoiseImplementation<double>* kF64[] = {&cpu::noise_reference_f64};

// [1], where x lives
Tensor deviation_of(const Tensor& x) {
  if (!x.defined() || x.numel() == 0) throw ShapeError("[noise] needs a picture, got an empty tensor");
  const Tensor deviation = Tensor::empty({1}, DType::f64, x.device());
  dispatch_floating(x.dtype(), "noise", [&]<class T>() {
    noise_kernels_for<T>(x.shape(), x.device())
        .deviation(exec_on(x.device()), x.device_span<const T>(), deviation.device_span<double>().data());
  });
  return deviation;
}

}  // namespace

const Ladder<NoiseImplementation> noise_ladder{kF32, kF64};

NoiseKind parse_noise_kind(const std::string& text) {
  if (text == "relative") return NoiseKind::relative;
  if (text == "absolute") return NoiseKind::absolute;
  if (text == "unclipped") return NoiseKind::unclipped;
  throw ConfigError(
      "[noise] unknown kind \"{}\": relative (z = x + s std(x) n), absolute (z = clip(x + s n, 0, 1)) or "
      "unclipped (z = x + s n)",
      text);
}

std::string_view name_of(NoiseKind kind) {
  if (kind == NoiseKind::relative) return "relative";
  return kind == NoiseKind::absolute ? "absolute" : "unclipped";
}

double sample_deviation(const Tensor& x) { return deviation_of(x).item(); }

bool stays_clean(const Tensor& x, NoiseKind kind, double s) {
  return kind == NoiseKind::relative && s > 0.0 && sample_deviation(x) == 0.0;
}

Tensor add_noise(const Tensor& x, NoiseKind kind, double s, const RandomStream& stream) {
  if (!(s >= 0.0) || !std::isfinite(s))
    throw ConfigError("[noise] level must be at least 0 and finite, got {}", s);
  const Tensor deviation =
      kind == NoiseKind::relative ? deviation_of(x) : Tensor::zeros({1}, DType::f64, x.device());
  const Tensor z = Tensor::empty(x.shape(), x.dtype(), x.device());
  dispatch_floating(x.dtype(), "noise", [&]<class T>() {
    noise_kernels_for<T>(x.shape(), x.device())
        .add(exec_on(x.device()), x.device_span<const T>(), kind, s, deviation.device_span<double>().data(),
             stream.stream(), z.device_span<T>());
  });
  return z;
}

NoiseLevels parse_noise_levels(const std::string& text) {
  if (text == "uniform") return NoiseLevels::uniform;
  if (text == "logarithmic") return NoiseLevels::logarithmic;
  throw ConfigError("[noise] unknown levels \"{}\": uniform or logarithmic", text);
}

double draw_noise_level(double low, double high, const NoiseKey& key, NoiseLevels levels) {
  if (!(low >= 0.0) || !(high >= low) || !std::isfinite(high)) {
    throw ConfigError("[noise] level range must be 0 <= low <= high, got [{}, {}]", low, high);
  }
  const RandomStream stream(key.seed, RandomPurpose::noise_level, key.epoch, key.sample);
  if (levels == NoiseLevels::uniform || high == 0.0) return low + (high - low) * stream.uniform(0);
  if (!(low > 0.0)) {
    throw ConfigError("[noise] logarithmic levels need a range that begins above 0, got [{}, {}]", low, high);
  }
  return low * std::pow(high / low, stream.uniform(0));
}

Tensor add_noise(const Tensor& x, NoiseKind kind, double s, const NoiseKey& key) {
  return add_noise(x, kind, s, RandomStream(key.seed, RandomPurpose::noise, key.epoch, key.sample));
}

}  // namespace primal
