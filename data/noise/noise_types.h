// The types of noise that a manifest names (data/manifest), each with its parameters. n is normal with mean 0
// and deviation 1, u uniform in [0, 1), one of each for a pixel; (i, j) is the pixel's row and column.
//
//   gaussian      z = x + deviation n                                 clipped to [0, 1], or not
//   salt_pepper   z = 1 where u < amount salt,  0 where amount salt <= u < amount,  x elsewhere
//   periodic      z = x + sum_k amplitude_k sin(2 pi frequency_k (j cos angle_k + i sin angle_k) + phase_k)
//                 clipped to [0, 1], or not; frequency in cycles per pixel, so that stripes are
//                 1 / frequency pixels apart; angle in degrees, from the rightward to the downward
//                 direction; phase in radians, drawn for each picture
// Shapes:  x [..., H, W], f32 or f64 -> z alike. gaussian and salt_pepper count pixels through all axes.
// Devices: z lives where x does, f32 only on others than the CPU. salt_pepper has the same bits everywhere.
// Random:  element i of the stream (seed, noise, epoch, sample) is pixel i's n or u; its element k,
//          in [0, 1), makes phase_k.
// Errors:  ConfigError for parameters outside their ranges (each says its own); ShapeError for other
//          types and ranks below 2.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/noise/noise.h"

namespace primal {

enum class NoiseType { gaussian, salt_pepper, periodic };
inline constexpr NoiseType kNoiseTypes[] = {NoiseType::gaussian, NoiseType::salt_pepper, NoiseType::periodic};

NoiseType parse_noise_type(const std::string& text);  // "gaussian", "salt_pepper", "periodic"
std::string_view name_of(NoiseType type);

struct GaussianNoise {
  double deviation = 0.2;  // at least 0
  bool clip = true;
};

struct SaltPepperNoise {
  double amount = 0.1;  // share of the pixels that change, 0 to 1
  double salt = 0.5;    // share of white ones among them, 0 to 1
};

struct Sinusoid {
  double frequency = 0.05;  // cycles per pixel, above 0 and at most 0.5
  double angle = 45.0;      // degrees
  double amplitude = 0.2;   // at least 0
};
inline constexpr size_t kMaxSinusoids = 8;

struct PeriodicNoise {
  std::vector<Sinusoid> sinusoids = {Sinusoid()};  // 1 to kMaxSinusoids
  bool clip = true;
};

// One type, and the parameters of each.
struct TypedNoise {
  NoiseType type = NoiseType::gaussian;
  GaussianNoise gaussian = {};
  SaltPepperNoise salt_pepper = {};
  PeriodicNoise periodic = {};
};

void check_noise(const GaussianNoise& noise);  // ConfigError naming the parameter, its value and its range
void check_noise(const SaltPepperNoise& noise);
void check_noise(const PeriodicNoise& noise);

Tensor add_noise(const Tensor& x, const GaussianNoise& noise, const NoiseKey& key);
Tensor add_noise(const Tensor& x, const SaltPepperNoise& noise, const NoiseKey& key);
Tensor add_noise(const Tensor& x, const PeriodicNoise& noise, const NoiseKey& key);
Tensor add_noise(const Tensor& x, const TypedNoise& noise, const NoiseKey& key);

}  // namespace primal
