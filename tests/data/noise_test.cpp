#include "data/noise/noise.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

#include "data/noise/noise_kernels.h"
#include "data/noise/noise_types.h"
#include "tensor/error.h"
#include "tensor/exec.h"
#include "tensor/simt/recording.h"
#include "tensor/simt/schedule.h"

namespace primal {
namespace {

Tensor ramp(int64_t n, DType dtype = DType::f32) {
  const Tensor x = Tensor::empty({1, 1, 1, n, n}, dtype);
  dispatch_floating(dtype, "ramp", [&]<class T>() {
    for (int64_t i = 0; i < n * n; ++i)
      x.data<T>()[i] = static_cast<T>(static_cast<double>(i) / static_cast<double>(n * n));
  });
  return x;
}

TEST(Noise, SampleDeviationDividesByNMinusOne) {
  EXPECT_NEAR(sample_deviation(Tensor::from<double>({4}, std::vector<double>{1, 2, 3, 4})),
              std::sqrt(5.0 / 3.0), 1e-15);
  EXPECT_EQ(sample_deviation(Tensor::full({1}, 3.0)), 0.0);
  EXPECT_NEAR(sample_deviation(Tensor::full({7}, 0.1, DType::f64)), 0.0, 1e-15);  // the mean is rounded
  EXPECT_THROW(sample_deviation(Tensor::zeros({0})), ShapeError);
}

TEST(Noise, RelativeScalesWithThePictureAndDoesNotClip) {
  const Tensor x = ramp(256, DType::f64);
  const double s = 0.5, deviation = sample_deviation(x);
  const Tensor z = add_noise(x, NoiseKind::relative, s, NoiseKey{42, 3, 7});
  const Tensor n = Tensor::empty(x.shape(), DType::f64);
  RandomStream(42, RandomPurpose::noise, 3, 7).fill_normal(n);
  for (int64_t i = 0; i < x.numel(); i += 97) {
    EXPECT_DOUBLE_EQ(z.data<double>()[i], x.data<double>()[i] + s * deviation * n.data<double>()[i]);
  }
  const auto [low, high] = std::minmax_element(z.span<double>().begin(), z.span<double>().end());
  EXPECT_LT(*low, 0.0);
  EXPECT_GT(*high, 1.0);
}

TEST(Noise, AbsoluteClipsToTheRange) {
  const Tensor x = ramp(128);
  const Tensor z = add_noise(x, NoiseKind::absolute, 0.5, NoiseKey{});
  const auto [low, high] = std::minmax_element(z.span<float>().begin(), z.span<float>().end());
  EXPECT_EQ(*low, 0.0f);
  EXPECT_EQ(*high, 1.0f);
}

TEST(Noise, UnclippedIsAbsoluteWithoutTheClipping) {
  const Tensor x = ramp(128, DType::f64), n = Tensor::empty(x.shape(), DType::f64);
  const Tensor z = add_noise(x, NoiseKind::unclipped, 0.3, NoiseKey{42, 3, 7});
  const Tensor clipped = add_noise(x, NoiseKind::absolute, 0.3, NoiseKey{42, 3, 7});
  RandomStream(42, RandomPurpose::noise, 3, 7).fill_normal(n);
  for (int64_t i = 0; i < x.numel(); ++i) {
    ASSERT_DOUBLE_EQ(z.data<double>()[i], x.data<double>()[i] + 0.3 * n.data<double>()[i]);
    ASSERT_EQ(clipped.data<double>()[i], std::clamp(z.data<double>()[i], 0.0, 1.0));
  }
  EXPECT_FALSE(stays_clean(Tensor::full({4}, 0.5), NoiseKind::unclipped, 0.1));
}

// The vector kernels of f32 give the numbers of the reference, wherever a chunk ends.
TEST(Noise, HasTheNumbersOfTheReference) {
  for (const int64_t n : {1, 3, 4, 37, 91, 141}) {
    std::vector<float> x(static_cast<size_t>(n * n), 0.5F), expected(x.size()), got(x.size());
    const PhiloxStream stream = RandomStream(7, RandomPurpose::noise, 2, 5).stream();
    double deviation = 0.0, deviation_simd = 0.0;
    cpu::noise_reference_f32.kernels.deviation(Exec{}, ramp(n).span<const float>(), &deviation);
    cpu::noise_simd.kernels.deviation(Exec{}, ramp(n).span<const float>(), &deviation_simd);
    EXPECT_NEAR(deviation_simd, deviation, 1e-14);  // measured 2e-16: two orders of the sums
    for (const NoiseKind kind : {NoiseKind::relative, NoiseKind::absolute, NoiseKind::unclipped}) {
      cpu::noise_reference_f32.kernels.add(Exec{}, x, kind, 0.4, &deviation, stream, expected);
      cpu::noise_simd.kernels.add(Exec{}, x, kind, 0.4, &deviation, stream, got);
      size_t n_other = 0;
      for (size_t i = 0; i < x.size(); ++i) {
        EXPECT_NEAR(got[i], expected[i], 2.4e-7)
            << "at " << i << " of " << x.size();  // 1 unit in the last place
        n_other += got[i] != expected[i];
      }
      EXPECT_LE(n_other, 2u) << n;  // measured none
    }
  }
}

TEST(Noise, DependsOnItsKeyAlone) {
  const Tensor x = ramp(200);
  const std::vector<double> first = add_noise(x, NoiseKind::relative, 0.3, NoiseKey{1, 2, 3}).to_doubles();
  const int before = num_threads();
  set_num_threads(before == 1 ? 2 : 1);
  EXPECT_EQ(add_noise(x, NoiseKind::relative, 0.3, NoiseKey{1, 2, 3}).to_doubles(), first);
  set_num_threads(before);
  for (const NoiseKey other : {NoiseKey{2, 2, 3}, NoiseKey{1, 3, 3}, NoiseKey{1, 2, 4}}) {
    EXPECT_NE(add_noise(x, NoiseKind::relative, 0.3, other).to_doubles(), first);
  }
}

TEST(Noise, LevelsFillTheirRange) {
  double low = 1.0, high = 0.0, sum = 0.0;
  constexpr int kDraws = 2000;
  for (uint32_t i = 0; i < kDraws; ++i) {
    const double s = draw_noise_level(0.1, 0.5, NoiseKey{42, i / 200, i % 200});
    low = std::min(low, s), high = std::max(high, s), sum += s;
  }
  EXPECT_GE(low, 0.1);
  EXPECT_LT(high, 0.5);
  EXPECT_NEAR(low, 0.1, 0.005);
  EXPECT_NEAR(high, 0.5, 0.005);
  EXPECT_NEAR(sum / kDraws, 0.3, 0.01);  // deviation of the mean 0.0026
  EXPECT_EQ(draw_noise_level(0.5, 0.5, NoiseKey{}), 0.5);
}

TEST(Noise, LogarithmicLevelsFillEachOctaveAlike) {
  int in_octave[3] = {};
  constexpr uint32_t kDraws = 3000;
  for (uint32_t i = 0; i < kDraws; ++i) {
    const double s = draw_noise_level(0.02, 0.16, NoiseKey{42, 0, i}, NoiseLevels::logarithmic);
    ASSERT_GE(s, 0.02);
    ASSERT_LT(s, 0.16);
    ++in_octave[s < 0.04 ? 0 : s < 0.08 ? 1 : 2];
  }
  for (const int n : in_octave) EXPECT_NEAR(n, 1000, 80);  // three deviations
  EXPECT_EQ(draw_noise_level(0.0, 0.0, NoiseKey{}, NoiseLevels::logarithmic), 0.0);
  EXPECT_THROW(draw_noise_level(0.0, 0.1, NoiseKey{}, NoiseLevels::logarithmic), ConfigError);
  EXPECT_EQ(parse_noise_levels("logarithmic"), NoiseLevels::logarithmic);
  EXPECT_THROW(parse_noise_levels("log"), ConfigError);
}

TEST(Noise, RefusesWhatMakesNoSense) {
  const Tensor x = ramp(4);
  EXPECT_THROW(add_noise(x, NoiseKind::relative, -0.1, NoiseKey{}), ConfigError);
  EXPECT_THROW(add_noise(x, NoiseKind::relative, std::nan(""), NoiseKey{}), ConfigError);
  EXPECT_THROW(add_noise(Tensor::zeros({3}, DType::u8), NoiseKind::absolute, 0.1, NoiseKey{}), ShapeError);
  EXPECT_THROW(draw_noise_level(0.5, 0.1, NoiseKey{}), ConfigError);
  EXPECT_THROW(draw_noise_level(-0.5, 0.1, NoiseKey{}), ConfigError);
  EXPECT_THROW(parse_noise_kind("gauss"), ConfigError);
  EXPECT_EQ(parse_noise_kind("absolute"), NoiseKind::absolute);
  for (const char* kind : {"relative", "absolute", "unclipped"})
    EXPECT_EQ(name_of(parse_noise_kind(kind)), kind);
}

TEST(Noise, IsTheSameOnADevice) {
  const NoiseKey key{42, 3, 7};
  for (const Shape& shape : {Shape{1, 1, 1, 45, 47}, Shape{3},
                             Shape{1}}) {  // a rest of three after whole fours; one block and two
    const Tensor x = Tensor::empty(shape);
    RandomStream(1, RandomPurpose::test).fill_uniform(x, 0.0, 1.0);
    const Tensor there = x.to(Device::simt());
    // Two orders of the sums: measured equal, allow the last bits.
    EXPECT_NEAR(sample_deviation(there), sample_deviation(x), 1e-14);
    const std::vector<double> absolute = add_noise(there, NoiseKind::absolute, 0.3, key).to_doubles();
    EXPECT_EQ(absolute, add_noise(x, NoiseKind::absolute, 0.3, key).to_doubles());
    const Tensor relative = add_noise(there, NoiseKind::relative, 0.3, key);
    EXPECT_EQ(relative.device(), Device::simt());
    const std::vector<double> a = relative.to_doubles(),
                              b = add_noise(x, NoiseKind::relative, 0.3, key).to_doubles();
    for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1.2e-7 * (1.0 + std::abs(b[i])));
    simt::same_in_all_orders("noise",
                             [&] { return add_noise(there, NoiseKind::relative, 0.3, key).to_doubles(); });
    simt::Recording recording;
    add_noise(there, NoiseKind::relative, 0.3, key);
    simt::require_no_races(recording.launches());
  }
}

TEST(NoiseTypes, GaussianIsClippedOrNot) {
  const Tensor x = ramp(64, DType::f64);
  const NoiseKey key{3, 1, 2};
  const Tensor clipped = add_noise(x, GaussianNoise{0.5, true}, key),
               open = add_noise(x, GaussianNoise{0.5, false}, key);
  EXPECT_EQ(clipped.to_doubles(), add_noise(x, NoiseKind::absolute, 0.5, key).to_doubles());
  const RandomStream stream(3, RandomPurpose::noise, 1, 2);
  int n_outside = 0;
  for (int64_t i = 0; i < x.numel(); ++i) {
    const double z = open.data<double>()[i];
    EXPECT_DOUBLE_EQ(z, x.data<double>()[i] + 0.5 * stream.normal(static_cast<uint64_t>(i)));
    EXPECT_EQ(clipped.data<double>()[i], std::clamp(z, 0.0, 1.0));
    n_outside += z < 0.0 || z > 1.0;
  }
  EXPECT_GT(n_outside, 1000);
}

TEST(NoiseTypes, SaltAndPepperFollowTheirWords) {
  const Tensor x = Tensor::full({1, 1, 1, 199, 201}, 0.5, DType::f64);
  const Tensor z = add_noise(x, SaltPepperNoise{0.3, 0.25}, NoiseKey{5, 0, 9});
  const RandomStream stream(5, RandomPurpose::noise, 0, 9);
  int n_salt = 0, n_pepper = 0;
  for (int64_t i = 0; i < x.numel(); ++i) {
    const double u = stream.uniform(static_cast<uint64_t>(i)), v = z.data<double>()[i];
    EXPECT_EQ(v, u < 0.075 ? 1.0 : u < 0.3 ? 0.0 : 0.5) << i;
    n_salt += v == 1.0;
    n_pepper += v == 0.0;
  }
  const auto n = static_cast<double>(x.numel());
  EXPECT_NEAR(n_salt / n, 0.075, 0.006);  // deviation 0.0013
  EXPECT_NEAR(n_pepper / n, 0.225, 0.01);
  EXPECT_EQ(add_noise(x, SaltPepperNoise{0.0, 0.5}, NoiseKey{}).to_doubles(), x.to_doubles());
  for (const double v : add_noise(x, SaltPepperNoise{1.0, 1.0}, NoiseKey{}).to_doubles()) ASSERT_EQ(v, 1.0);
}

TEST(NoiseTypes, PeriodicAddsItsSinusoids) {
  const Tensor x = Tensor::full({2, 1, 1, 7, 16}, 0.5, DType::f64);
  const PeriodicNoise noise{{{0.125, 0.0, 0.1}, {0.25, 90.0, 0.05}}, false};
  const Tensor z = add_noise(x, noise, NoiseKey{8, 1, 4});
  const RandomStream stream(8, RandomPurpose::noise, 1, 4);
  const double turn = 2 * std::acos(-1.0);
  for (int64_t n = 0; n < x.numel(); ++n) {
    const auto j = static_cast<double>(n % 16), i = static_cast<double>(n / 16 % 7);
    const double expected = 0.5 + 0.1 * std::sin(turn * (0.125 * j + stream.uniform(0))) +
                            0.05 * std::sin(turn * (0.25 * i + stream.uniform(1)));
    EXPECT_NEAR(z.data<double>()[n], expected, 1e-14) << n;
    EXPECT_NEAR(z.data<double>()[n], z.data<double>()[n % 112], 1e-15);  // both pictures alike
  }
  const auto clipped = add_noise(x, PeriodicNoise{{{0.1, 30.0, 2.0}}, true}, NoiseKey{}).to_doubles();
  EXPECT_EQ(*std::ranges::min_element(clipped), 0.0);
  EXPECT_EQ(*std::ranges::max_element(clipped), 1.0);
}

TEST(NoiseTypes, DependOnTheirKeyAloneAndF32FollowsF64) {
  const Tensor x = ramp(131);
  for (const NoiseType type : kNoiseTypes) {
    TypedNoise noise;
    noise.type = type;
    const std::vector<double> first = add_noise(x, noise, NoiseKey{1, 2, 3}).to_doubles();
    const int before = num_threads();
    set_num_threads(before == 1 ? 2 : 1);
    EXPECT_EQ(add_noise(x, noise, NoiseKey{1, 2, 3}).to_doubles(), first);
    set_num_threads(before);
    for (const NoiseKey other : {NoiseKey{2, 2, 3}, NoiseKey{1, 3, 3}, NoiseKey{1, 2, 4}})
      EXPECT_NE(add_noise(x, noise, other).to_doubles(), first) << name_of(type);
    const std::vector<double> wide = add_noise(x.to(DType::f64), noise, NoiseKey{1, 2, 3}).to_doubles();
    for (size_t i = 0; i < first.size(); ++i) ASSERT_NEAR(first[i], wide[i], 2.4e-7) << name_of(type);
  }
}

TEST(NoiseTypes, AreTheSameOnADevice) {
  for (const Shape& shape : {Shape{2, 1, 1, 45, 47}, Shape{1, 3}, Shape{1, 1}}) {
    const Tensor x = Tensor::empty(shape);
    RandomStream(1, RandomPurpose::test).fill_uniform(x, 0.0, 1.0);
    const Tensor there = x.to(Device::simt());
    TypedNoise noise;
    noise.gaussian.clip = false;
    noise.periodic.sinusoids.push_back({0.3, -120.0, 0.7});
    for (const NoiseType type : kNoiseTypes) {
      noise.type = type;
      const Tensor z = add_noise(there, noise, NoiseKey{42, 3, 7});
      EXPECT_EQ(z.device(), Device::simt());
      const std::vector<double> a = z.to_doubles(), b = add_noise(x, noise, NoiseKey{42, 3, 7}).to_doubles();
      for (size_t i = 0; i < a.size(); ++i)
        EXPECT_NEAR(a[i], b[i], type == NoiseType::salt_pepper ? 0.0 : 1.2e-7 * (1.0 + std::abs(b[i])));
      simt::same_in_all_orders("noise", [&] {
        return add_noise(there, noise, NoiseKey{42, 3, 7}).to_doubles();
      });
      simt::Recording recording;
      add_noise(there, noise, NoiseKey{42, 3, 7});
      simt::require_no_races(recording.launches());
    }
  }
}

TEST(NoiseTypes, RefuseParametersOutsideTheirRanges) {
  const Tensor x = ramp(4);
  const NoiseKey key;
  EXPECT_THROW(add_noise(x, GaussianNoise{-0.1, true}, key), ConfigError);
  EXPECT_THROW(add_noise(x, GaussianNoise{std::nan(""), false}, key), ConfigError);
  EXPECT_THROW(add_noise(x, SaltPepperNoise{1.1, 0.5}, key), ConfigError);
  EXPECT_THROW(add_noise(x, SaltPepperNoise{0.1, -0.5}, key), ConfigError);
  EXPECT_THROW(add_noise(x, PeriodicNoise{{}, true}, key), ConfigError);
  EXPECT_THROW(add_noise(x, PeriodicNoise{std::vector<Sinusoid>(9), true}, key), ConfigError);
  EXPECT_THROW(add_noise(x, PeriodicNoise{{{0.6, 0, 0.1}}, true}, key), ConfigError);
  EXPECT_THROW(add_noise(x, PeriodicNoise{{{0.0, 0, 0.1}}, true}, key), ConfigError);
  EXPECT_THROW(add_noise(x, PeriodicNoise{{{0.1, 400, 0.1}}, true}, key), ConfigError);
  EXPECT_THROW(add_noise(x, PeriodicNoise{{{0.1, 0, -1}}, true}, key), ConfigError);
  EXPECT_THROW(add_noise(Tensor::zeros({3}), PeriodicNoise{}, key), ShapeError);
  EXPECT_THROW(add_noise(Tensor::zeros({3, 3}, DType::u8), SaltPepperNoise{}, key), ShapeError);
  EXPECT_THROW(parse_noise_type("salt"), ConfigError);
  for (const NoiseType type : kNoiseTypes) EXPECT_EQ(parse_noise_type(std::string(name_of(type))), type);
}

}  // namespace
}  // namespace primal
