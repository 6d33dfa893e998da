#include "nn/lpips/lpips.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "nn/activation/activation.h"
#include "nn/max_pool3d/max_pool3d.h"
#include "tensor/error.h"
#include "tensor/range.h"

namespace primal {
namespace {

using Triple = std::array<int64_t, 3>;

constexpr Conv3dParams kFirst{.stride = {1, 4, 4}, .padding = {0, 2, 2}};
constexpr Conv3dParams kSecond{.padding = {0, 2, 2}};
constexpr Conv3dParams kSame{.padding = {0, 1, 1}};
// The published scaling: the mean and the deviation of photographs, for values in [-1,1].
constexpr std::array<double, 3> kShift{-0.030, -0.088, -0.188};
constexpr std::array<double, 3> kScale{0.458, 0.448, 0.450};
constexpr double kNormFloor = 1e-10;

LpipsOptions checked(const LpipsOptions& o) {
  if (std::ranges::min(o.filters) < 1)
    throw ConfigError("[lpips] filters {} must be at least 1", fmt::join(o.filters, ", "));
  return o;
}

void check_pictures(const Tensor& a, const Tensor& b) {
  const Shape& s = a.shape();
  if (!is_floating(a.dtype()) || s.rank() != 5 || (s[1] != 1 && s[1] != 3) || s[2] != 1)
    throw ShapeError("[lpips] expects pictures [N,1,1,H,W] or [N,3,1,H,W], found {}", a.str());
  if (b.shape() != s || b.dtype() != a.dtype())
    throw ShapeError("[lpips] compares pictures of one shape and type, found {} and {}", a.str(), b.str());
  if (std::min(s[3], s[4]) < Lpips::kSmallestSide)
    throw ShapeError("[lpips] pictures of {} x {} pixels: its layers need sides of {} or more", s[3], s[4],
                     Lpips::kSmallestSide);
}

template <class T>
Tensor scaled(const Tensor& x) {
  const int64_t n = x.size(0), channels = x.size(1), pixels = x.size(3) * x.size(4);
  const Tensor u = Tensor::empty(x.shape().with(1, 3), x.dtype());
  const T* const in = x.data<const T>();
  T* out = u.data<T>();
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t c = 0; c < 3; ++c) {
      const T* const from = in + (i * channels + (channels == 3 ? c : 0)) * pixels;
      const double shift = kShift[static_cast<size_t>(c)], scale = kScale[static_cast<size_t>(c)];
      for (int64_t k = 0; k < pixels; ++k)
        *out++ = static_cast<T>((2.0 * static_cast<double>(from[k]) - 1.0 - shift) / scale);
    }
  }
  return u;
}

// 1 / (norm over the channels + floor) at each pixel of one picture's features [C,pixels].
template <class T>
std::vector<double> inverse_norms(const T* f, int64_t channels, int64_t pixels) {
  std::vector<double> sums(static_cast<size_t>(pixels), 0.0);
  for (int64_t c = 0; c < channels; ++c) {
    for (double& sum : sums) {
      const auto value = static_cast<double>(*f++);
      sum += value * value;
    }
  }
  for (double& sum : sums) sum = 1.0 / (std::sqrt(sum) + kNormFloor);
  return sums;
}

// Adds what one layer contributes to the distance of each picture.
template <class T>
void add_layer(const Tensor& a, const Tensor& b, const Tensor& head, std::vector<double>& distance) {
  const int64_t channels = a.size(1), pixels = a.size(3) * a.size(4);
  const T* const w = head.data<const T>();
  for (size_t i = 0; i < distance.size(); ++i) {
    const T* fa = a.data<const T>() + static_cast<int64_t>(i) * channels * pixels;
    const T* fb = b.data<const T>() + static_cast<int64_t>(i) * channels * pixels;
    const std::vector<double> na = inverse_norms(fa, channels, pixels),
                              nb = inverse_norms(fb, channels, pixels);
    double sum = 0.0;
    for (int64_t c = 0; c < channels; ++c) {
      double of_channel = 0.0;
      for (size_t k = 0; k < na.size(); ++k) {
        const double d = static_cast<double>(*fa++) * na[k] - static_cast<double>(*fb++) * nb[k];
        of_channel += d * d;
      }
      sum += static_cast<double>(w[c]) * of_channel;
    }
    distance[i] += sum / static_cast<double>(pixels);
  }
}

}  // namespace

Lpips::Lpips(const LpipsOptions& options, Initialiser& init)
    : options_(checked(options)),
      conv1_(init, 3, options.filters[0], Triple{1, 11, 11}, kFirst),
      conv2_(init, options.filters[0], options.filters[1], Triple{1, 5, 5}, kSecond),
      conv3_(init, options.filters[1], options.filters[2], Triple{1, 3, 3}, kSame),
      conv4_(init, options.filters[2], options.filters[3], Triple{1, 3, 3}, kSame),
      conv5_(init, options.filters[3], options.filters[4], Triple{1, 3, 3}, kSame) {
  register_module("features.0", conv1_);
  register_module("features.3", conv2_);
  register_module("features.6", conv3_);
  register_module("features.8", conv4_);
  register_module("features.10", conv5_);
  for (size_t l = 0; l < heads_.size(); ++l)
    heads_[l] =
        register_parameter(fmt::format("lin{}.weight", l), init.uniform({options.filters[l]}, 0.0, 1.0));
}

std::array<Variable, 5> Lpips::features(const Tensor& x) const {
  const auto pooled = [](const Variable& v) {
    return max_pool3d(v, {.kernel = {1, 3, 3}, .stride = Triple{1, 2, 2}});
  };
  std::array<Variable, 5> f;
  f[0] = relu(conv1_(x));
  f[1] = relu(conv2_(pooled(f[0])));
  f[2] = relu(conv3_(pooled(f[1])));
  f[3] = relu(conv4_(f[2]));
  f[4] = relu(conv5_(f[3]));
  return f;
}

std::vector<double> Lpips::distance(const Tensor& a, const Tensor& b) const {
  const Range range("lpips");
  check_pictures(a, b);
  const NoGrad no_grad;
  std::vector<double> distance(static_cast<size_t>(a.size(0)), 0.0);
  dispatch_floating(a.dtype(), "lpips", [&]<class T>() {
    const auto of = [&](const Tensor& x) { return features(scaled<T>(x.to(Device{})).to(device())); };
    const std::array<Variable, 5> fa = of(a), fb = of(b);
    for (size_t l = 0; l < heads_.size(); ++l)
      add_layer<T>(fa[l].value().to(Device{}), fb[l].value().to(Device{}), heads_[l].value().to(Device{}),
                   distance);
  });
  return distance;
}

}  // namespace primal
