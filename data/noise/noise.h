// Noise: how a clean picture x becomes the noisy z. n is normal with mean 0 and deviation 1, one for each
// pixel.
//
//   relative   z = x + s std(x) n          std is the sample deviation (N - 1) of the whole picture; not
//                                          clipped
//   absolute   z = clip(x + s n, 0, 1)
//   unclipped  z = x + s n                 as absolute, for values that may leave [0, 1]
// Shapes:  x of any shape, f32 or f64 -> z alike; one picture a call, since std(x) is the picture's.
// Devices: z lives where x does, f32 only on others than the CPU. The same integers everywhere; normals
//          within 2 ulp.
// Random:  pixel i takes element i of the stream (seed, noise, epoch, sample), the level s comes from (seed,
//          noise_level, epoch, sample): new noise each time a picture is used, the same in a resumed run.
// Errors:  ConfigError for an unknown kind, a negative or infinite s, a range with low > high; ShapeError for
//          other types.
#pragma once

#include <string>
#include <string_view>

#include "data/noise/noise_params.h"
#include "tensor/random.h"
#include "tensor/tensor.h"

namespace primal {

NoiseKind parse_noise_kind(const std::string& text);  // "relative", "absolute", "unclipped"
std::string_view name_of(NoiseKind kind);

double sample_deviation(const Tensor& x);  // 0 for a single element

// Whether x gets no noise although s > 0 asks for some: relative noise of a picture that is the same
// everywhere.
bool stays_clean(const Tensor& x, NoiseKind kind, double s);

Tensor add_noise(const Tensor& x, NoiseKind kind, double s, const RandomStream& stream);

// The level and the noise of one use of a picture.
struct NoiseKey {
  uint64_t seed = 42;
  uint32_t epoch = 0;
  uint32_t sample = 0;
};
// In [low, high): uniform, or low (high / low)^u with u uniform, for which low must be above 0 unless
// high is 0.
double draw_noise_level(double low, double high, const NoiseKey& key,
                        NoiseLevels levels = NoiseLevels::uniform);
NoiseLevels parse_noise_levels(const std::string& text);  // "uniform", "logarithmic"
Tensor add_noise(const Tensor& x, NoiseKind kind, double s, const NoiseKey& key);

}  // namespace primal
