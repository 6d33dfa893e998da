// noise, simd: the normals of several counters at a time, and sums in vectors.
//
// Idea: a normal costs a logarithm, a sine and a cosine, which the reference calls one after the other.
// Highway has them as polynomials for a vector of doubles, to within 4 units in the last place; in f32
// hardly one in ten million results is rounded to the neighbouring number. Which words belong to which
// element is as in philox.h.
#include <algorithm>
#include <cmath>

#include "data/noise/noise_kernels.h"
#include "tensor/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "data/noise/noise_simd.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// Behind highway.h, which it needs.
#include "hwy/contrib/math/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::ScalableTag<double>;
constexpr int64_t kCounters = hn::MaxLanes(Tag());  // at a time, four normals each

// The normals of the counters [index, index + kCounters), in the order of their elements.
void normals(const PhiloxStream& stream, uint64_t index, float* to) {
  const Tag tag;
  HWY_ALIGN double u[2][kCounters], angle[2][kCounters], normal[4][kCounters];
  for (int64_t l = 0; l < kCounters; ++l) {
    const PhiloxWords words = philox_words(stream, index + static_cast<uint64_t>(l));
    for (int pair = 0; pair < 2; ++pair) {
      u[pair][l] = (words.v[2 * pair] + 0.5) * 0x1p-32;
      angle[pair][l] = 6.283185307179586476925286766559 * (words.v[2 * pair + 1] * 0x1p-32);
    }
  }
  for (int pair = 0; pair < 2; ++pair) {
    const auto log_u = hn::Log(tag, hn::Load(tag, u[pair])), at = hn::Load(tag, angle[pair]);
    const auto radius = hn::Sqrt(hn::Mul(hn::Set(tag, -2.0), log_u));
    hn::Store(hn::Mul(radius, hn::Cos(tag, at)), tag, normal[2 * pair]);
    hn::Store(hn::Mul(radius, hn::Sin(tag, at)), tag, normal[2 * pair + 1]);
  }
  for (int64_t l = 0; l < kCounters; ++l) {
    for (int k = 0; k < 4; ++k) to[4 * l + k] = static_cast<float>(normal[k][l]);
  }
}

}  // namespace

// The sum of x, or of its squared distances from a mean.
double SumOf(const float* x, int64_t n, bool squares, double mean) {
  constexpr int kSums = 4;  // at a time: independent, so that additions need not wait for each other
  const Tag tag;
  const hn::Rebind<float, Tag> from_tag;
  const auto centre = hn::Set(tag, squares ? mean : 0.0);
  hn::Vec<Tag> sums[kSums];
  for (int s = 0; s < kSums; ++s) sums[s] = hn::Zero(tag);
  int64_t i = 0;
  for (; i + kSums * kCounters <= n; i += kSums * kCounters) {
    for (int s = 0; s < kSums; ++s) {
      const auto v = hn::Sub(hn::PromoteTo(tag, hn::LoadU(from_tag, x + i + s * kCounters)), centre);
      sums[s] = squares ? hn::MulAdd(v, v, sums[s]) : hn::Add(sums[s], v);
    }
  }
  const auto sum = hn::Add(hn::Add(sums[0], sums[1]), hn::Add(sums[2], sums[3]));
  double total = hn::GetLane(hn::SumOfLanes(tag, sum));
  for (; i < n; ++i) {
    const double v = static_cast<double>(x[i]) - (squares ? mean : 0.0);
    total += squares ? v * v : v;
  }
  return total;
}

// z = x + amplitude n for n_elements elements from `first` on, a multiple of 4; clipped to [0, 1] or not.
void AddNoise(const PhiloxStream& stream, int64_t first, int64_t n_elements, const float* x, double amplitude,
              bool clip, float* z) {
  HWY_ALIGN float n[4 * kCounters];
  for (int64_t i = 0; i < n_elements; i += 4 * kCounters) {
    normals(stream, static_cast<uint64_t>(first + i) / 4, n);
    const int64_t count = std::min(4 * kCounters, n_elements - i);
    for (int64_t k = 0; k < count; ++k) {
      const double noisy = static_cast<double>(x[i + k]) + amplitude * static_cast<double>(n[k]);
      z[i + k] = static_cast<float>(clip ? std::clamp(noisy, 0.0, 1.0) : noisy);
    }
  }
}

}  // namespace primal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace primal::cpu {
HWY_EXPORT(AddNoise);
HWY_EXPORT(SumOf);
namespace {

void sample_deviation(const Exec& exec, std::span<const float> x, double* deviation) {
  *deviation = 0.0;
  if (x.size() == 1) return;
  constexpr int64_t kGrain = 1 << 14;
  const int64_t n_elements = std::ssize(x);
  const auto sum_of = [&](bool squares, double mean) {
    return parallel_sum(exec, n_elements, kGrain, [&](int64_t begin, int64_t end) {
      return HWY_DYNAMIC_DISPATCH(SumOf)(x.data() + begin, end - begin, squares, mean);
    });
  };
  // Two passes: the deviations are summed around the mean, without cancellation.
  const auto n = static_cast<double>(x.size());
  *deviation = std::sqrt(sum_of(true, sum_of(false, 0.0) / n) / (n - 1.0));
}

void add_noise(const Exec& exec, std::span<const float> x, NoiseKind kind, double s, const double* deviation,
               const PhiloxStream& stream, std::span<float> z) {
  constexpr int64_t kGrain =
      1 << 13;  // elements in a parallel chunk, which begins with the first of four normals
  const double amplitude = kind == NoiseKind::relative ? s * *deviation : s;
  parallel_for(exec, std::ssize(x), kGrain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(AddNoise)
    (stream, begin, end - begin, x.data() + begin, amplitude, kind == NoiseKind::absolute, z.data() + begin);
  });
}

}  // namespace

const NoiseImplementation<float> noise_simd{
    {"simd", "the normals of several counters at a time, sums in vectors"},
    nullptr,
    {sample_deviation, add_noise, salt_pepper<float>, periodic<float>}};

}  // namespace primal::cpu
#endif  // HWY_ONCE
