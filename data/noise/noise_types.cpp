#include "data/noise/noise_types.h"

#include <cmath>
#include <numbers>

#include "data/noise/noise_kernels.h"
#include "tensor/error.h"
#include "tensor/exec.h"

namespace primal {
namespace {

void require_range(const char* what, double value, double low, double high) {
  if (!(value >= low && value <= high))
    throw ConfigError("[noise] {} must lie in {} .. {}, got {}", what, low, high, value);
}
void require_strength(const char* what, double value) {
  if (!(value >= 0.0) || !std::isfinite(value))
    throw ConfigError("[noise] {} must be at least 0 and finite, got {}", what, value);
}

RandomStream stream_of(const NoiseKey& key) {
  return {key.seed, RandomPurpose::noise, key.epoch, key.sample};
}

// A word below threshold(p) comes with probability p.
uint64_t threshold(double p) { return static_cast<uint64_t>(std::llround(p * 0x1p32)); }

}  // namespace

NoiseType parse_noise_type(const std::string& text) {
  for (const NoiseType type : kNoiseTypes) {
    if (name_of(type) == text) return type;
  }
  throw ConfigError("[noise] unknown type \"{}\": gaussian, salt_pepper or periodic", text);
}

std::string_view name_of(NoiseType type) {
  switch (type) {
    case NoiseType::gaussian:
      return "gaussian";
    case NoiseType::salt_pepper:
      return "salt_pepper";
    default:
      return "periodic";
  }
}

void check_noise(const GaussianNoise& noise) {
  require_strength("the deviation of Gaussian noise", noise.deviation);
}

void check_noise(const SaltPepperNoise& noise) {
  require_range("the amount of salt and pepper", noise.amount, 0.0, 1.0);
  require_range("the share of salt", noise.salt, 0.0, 1.0);
}

void check_noise(const PeriodicNoise& noise) {
  if (noise.sinusoids.empty() || noise.sinusoids.size() > kMaxSinusoids) {
    throw ConfigError("[noise] periodic noise has 1 to {} sinusoids, got {}", kMaxSinusoids,
                      noise.sinusoids.size());
  }
  for (const Sinusoid& s : noise.sinusoids) {
    if (!(s.frequency > 0.0 && s.frequency <= 0.5)) {
      throw ConfigError("[noise] a frequency must be above 0 and at most 0.5 cycles per pixel, got {}",
                        s.frequency);
    }
    require_range("an angle in degrees", s.angle, -360.0, 360.0);
    require_strength("an amplitude", s.amplitude);
  }
}

Tensor add_noise(const Tensor& x, const GaussianNoise& noise, const NoiseKey& key) {
  check_noise(noise);
  if (noise.clip) return add_noise(x, NoiseKind::absolute, noise.deviation, key);
  // Relative to a deviation of 1, which is that of the noise then.
  const Tensor one = Tensor::full({1}, 1.0, DType::f64).to(x.device());
  const Tensor z = Tensor::empty(x.shape(), x.dtype(), x.device());
  dispatch_floating(x.dtype(), "noise", [&]<class T>() {
    noise_kernels_for<T>(x.shape(), x.device())
        .add(exec_on(x.device()), x.device_span<const T>(), NoiseKind::relative, noise.deviation,
             one.device_span<double>().data(), stream_of(key).stream(), z.device_span<T>());
  });
  return z;
}

Tensor add_noise(const Tensor& x, const SaltPepperNoise& noise, const NoiseKey& key) {
  check_noise(noise);
  const Tensor z = Tensor::empty(x.shape(), x.dtype(), x.device());
  dispatch_floating(x.dtype(), "noise", [&]<class T>() {
    noise_kernels_for<T>(x.shape(), x.device())
        .salt_pepper(exec_on(x.device()), x.device_span<const T>(), threshold(noise.amount * noise.salt),
                     threshold(noise.amount), stream_of(key).stream(), z.device_span<T>());
  });
  return z;
}

Tensor add_noise(const Tensor& x, const PeriodicNoise& noise, const NoiseKey& key) {
  check_noise(noise);
  const int rank = x.shape().rank();
  if (rank < 2) throw ShapeError("[noise] periodic noise needs the axes [..., H, W], got {}", x.str());
  Waves waves;
  const RandomStream stream = stream_of(key);
  for (const Sinusoid& s : noise.sinusoids) {
    const double angle = s.angle * std::numbers::pi / 180.0, turn = 2.0 * std::numbers::pi;
    const auto k = static_cast<uint64_t>(waves.n);
    waves.wave[waves.n++] = {turn * s.frequency * std::sin(angle), turn * s.frequency * std::cos(angle),
                             turn * stream.uniform(k), s.amplitude};
  }
  const Tensor z = Tensor::empty(x.shape(), x.dtype(), x.device());
  dispatch_floating(x.dtype(), "noise", [&]<class T>() {
    noise_kernels_for<T>(x.shape(), x.device())
        .periodic(exec_on(x.device()), x.device_span<const T>(), x.size(rank - 2), x.size(rank - 1), waves,
                  noise.clip, z.device_span<T>());
  });
  return z;
}

Tensor add_noise(const Tensor& x, const TypedNoise& noise, const NoiseKey& key) {
  switch (noise.type) {
    case NoiseType::gaussian:
      return add_noise(x, noise.gaussian, key);
    case NoiseType::salt_pepper:
      return add_noise(x, noise.salt_pepper, key);
    default:
      return add_noise(x, noise.periodic, key);
  }
}

}  // namespace primal
