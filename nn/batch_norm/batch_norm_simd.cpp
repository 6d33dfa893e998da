// batch_norm, simd: the loops of the reference with vectors of doubles.
//
// Idea: what the reference computes for a number is a handful of operations in double, between a conversion
// from float and one back. Several independent vectors of sums keep the adders busy; the gradient of x is a g
// + b x + c with three numbers for each channel.
#include "nn/batch_norm/batch_norm_kernels.h"
#include "nn/batch_norm/batch_norm_prepare.h"
#include "tensor/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/batch_norm/batch_norm_simd.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

// This file is compiled once for each instruction set; what they share is declared once.
#ifndef PRIMAL_NN_BATCH_NORM_SIMD_SHARED
#define PRIMAL_NN_BATCH_NORM_SIMD_SHARED
namespace primal::cpu {

// The sums of grad_y and of grad_y (x - mean) over a channel.
struct GradientSums {
  double g = 0.0, gx = 0.0;
};

}  // namespace primal::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::ScalableTag<double>;
using FloatTag = hn::Rebind<float, Tag>;
using Vector = hn::Vec<Tag>;
constexpr int64_t kLanes = hn::MaxLanes(Tag());
constexpr int kSums = 4;  // at a time: additions need not wait for each other

HWY_INLINE Vector load(const float* from) { return hn::PromoteTo(Tag(), hn::LoadU(FloatTag(), from)); }

}  // namespace

// The sum of a row, or of its squared distances from a mean.
double sum_of_row(const float* x, int64_t n, bool squares, double mean) {
  const Tag tag;
  const auto centre = hn::Set(tag, mean);
  Vector sums[kSums];
  for (int s = 0; s < kSums; ++s) sums[s] = hn::Zero(tag);
  int64_t i = 0;
  for (; i + kSums * kLanes <= n; i += kSums * kLanes) {
    HWY_UNROLL(4)
    for (int s = 0; s < kSums; ++s) {
      const auto v = load(x + i + s * kLanes);
      const auto difference = hn::Sub(v, centre);
      sums[s] = squares ? hn::MulAdd(difference, difference, sums[s]) : hn::Add(sums[s], v);
    }
  }
  double total =
      hn::GetLane(hn::SumOfLanes(tag, hn::Add(hn::Add(sums[0], sums[1]), hn::Add(sums[2], sums[3]))));
  for (; i < n; ++i) {
    const double v = static_cast<double>(x[i]), difference = v - mean;
    total += squares ? difference * difference : v;
  }
  return total;
}

// y = a x + b
void scale_row(const float* HWY_RESTRICT x, int64_t n, double a, double b, float* HWY_RESTRICT y) {
  const Tag tag;
  const auto factor = hn::Set(tag, a), shift = hn::Set(tag, b);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    hn::StoreU(hn::DemoteTo(FloatTag(), hn::MulAdd(factor, load(x + i), shift)), FloatTag(), y + i);
  for (; i < n; ++i) y[i] = static_cast<float>(a * static_cast<double>(x[i]) + b);
}

void add_gradient_sums(const float* grad_y, const float* x, int64_t n, double mean, GradientSums& total) {
  const Tag tag;
  const auto centre = hn::Set(tag, mean);
  Vector sums_g[2], sums_gx[2];
  for (int s = 0; s < 2; ++s) sums_g[s] = sums_gx[s] = hn::Zero(tag);
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    HWY_UNROLL(2)
    for (int s = 0; s < 2; ++s) {
      const auto g = load(grad_y + i + s * kLanes);
      sums_g[s] = hn::Add(sums_g[s], g);
      sums_gx[s] = hn::MulAdd(g, hn::Sub(load(x + i + s * kLanes), centre), sums_gx[s]);
    }
  }
  total.g += hn::GetLane(hn::SumOfLanes(tag, hn::Add(sums_g[0], sums_g[1])));
  total.gx += hn::GetLane(hn::SumOfLanes(tag, hn::Add(sums_gx[0], sums_gx[1])));
  for (; i < n; ++i) {
    const double g = static_cast<double>(grad_y[i]);
    total.g += g;
    total.gx += g * (static_cast<double>(x[i]) - mean);
  }
}

// grad_x += a grad_y + b (x - mean) + c
void add_gradient_row(const float* HWY_RESTRICT grad_y, const float* HWY_RESTRICT x, int64_t n, double mean,
                      double a, double b, double c, float* HWY_RESTRICT grad_x) {
  const Tag tag;
  const auto factor = hn::Set(tag, a), slope = hn::Set(tag, b), shift = hn::Set(tag, c);
  const auto centre = hn::Set(tag, mean);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const auto rest = hn::MulAdd(slope, hn::Sub(load(x + i), centre), shift);
    const auto gradient = hn::DemoteTo(FloatTag(), hn::MulAdd(factor, load(grad_y + i), rest));
    hn::StoreU(hn::Add(hn::LoadU(FloatTag(), grad_x + i), gradient), FloatTag(), grad_x + i);
  }
  for (; i < n; ++i) {
    const double rest = b * (static_cast<double>(x[i]) - mean) + c;
    grad_x[i] += static_cast<float>(a * static_cast<double>(grad_y[i]) + rest);
  }
}

}  // namespace primal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace primal::cpu {
namespace {

HWY_EXPORT(sum_of_row);
HWY_EXPORT(scale_row);
HWY_EXPORT(add_gradient_sums);
HWY_EXPORT(add_gradient_row);

void prepare(const Exec& exec, View<const float, 3> x, const BatchNormState<float>& state,
             const BatchNormParams& params, const BatchNormChannels& channels) {
  prepare_channels(x, state, params, channels, [&](std::span<double> mean, std::span<double> var) {
    const int64_t n_pixels = x.size(2);
    const double count = static_cast<double>(x.size(0) * n_pixels);
    parallel_for(exec, x.size(1), parts_per_chunk(x.size(0) * n_pixels), [&](int64_t begin, int64_t end) {
      for (int64_t c = begin; c < end; ++c) {
        double sum = 0.0, squares = 0.0;
        for_each_row(x, c, [&](int64_t row) {
          sum += HWY_DYNAMIC_DISPATCH(sum_of_row)(x.data + row, n_pixels, false, 0.0);
        });
        const double centre = sum / count;
        for_each_row(x, c, [&](int64_t row) {
          squares += HWY_DYNAMIC_DISPATCH(sum_of_row)(x.data + row, n_pixels, true, centre);
        });
        mean[static_cast<size_t>(c)] = centre;
        var[static_cast<size_t>(c)] = squares / count;
      }
    });
  });
}

void forward(const Exec& exec, View<const float, 3> x, const BatchNormChannels& channels, View<float, 3> y) {
  const int64_t n_channels = x.size(1), n_pixels = x.size(2);
  parallel_for(exec, x.size(0) * n_channels, parts_per_chunk(n_pixels), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto c = static_cast<size_t>(i % n_channels);
      HWY_DYNAMIC_DISPATCH(scale_row)
      (x.data + i * n_pixels, n_pixels, channels.scale[c], channels.shift[c], y.data + i * n_pixels);
    }
  });
}

void backward(const Exec& exec, View<const float, 3> x, const BatchNormChannels& channels, bool training,
              View<const float, 3> grad_y, View<float, 3> grad_x, std::span<float> grad_weight,
              std::span<float> grad_bias) {
  const int64_t n_pixels = x.size(2);
  const double count = static_cast<double>(x.size(0) * n_pixels);
  const bool needs_sums = training || !grad_weight.empty() || !grad_bias.empty();
  parallel_for(exec, x.size(1), parts_per_chunk(x.size(0) * n_pixels), [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      const auto at = static_cast<size_t>(c);
      const double mean = channels.mean[at], r = channels.r[at];
      GradientSums sums;
      if (needs_sums) {
        for_each_row(x, c, [&](int64_t row) {
          HWY_DYNAMIC_DISPATCH(add_gradient_sums)(grad_y.data + row, x.data + row, n_pixels, mean, sums);
        });
      }
      if (!grad_weight.empty()) grad_weight[at] += static_cast<float>(r * sums.gx);
      if (!grad_bias.empty()) grad_bias[at] += static_cast<float>(sums.g);
      if (grad_x.data == nullptr) continue;
      const double a = channels.weight[at] * r;
      const double slope = training ? -a * r * r * sums.gx / count : 0.0;
      const double shift = training ? -a * sums.g / count : 0.0;
      for_each_row(x, c, [&](int64_t row) {
        HWY_DYNAMIC_DISPATCH(add_gradient_row)
        (grad_y.data + row, x.data + row, n_pixels, mean, a, slope, shift, grad_x.data + row);
      });
    }
  });
}

bool anything(const OnlyShape&) { return true; }

}  // namespace

const BatchNormImplementation<float> batch_norm_simd{
    {"simd", "the same with vectors of doubles"}, anything, {prepare, forward, backward}};

}  // namespace primal::cpu
#endif  // HWY_ONCE
