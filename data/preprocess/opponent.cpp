#include "data/preprocess/opponent.h"

#include <algorithm>
#include <cmath>

#include "tensor/error.h"

namespace primal {
namespace {

// Rows of length 1 / sqrt(3), so the inverse is 3 times the transpose.
constexpr double kA = 1.0 / 3.0, kB = 0.40824829046386302,
                 kC = 0.23570226039551584;  // 1/3, 1/sqrt(6), 1/sqrt(18)
constexpr double kRows[3][3] = {{kA, kA, kA}, {kB, 0.0, -kB}, {kC, -2.0 * kC, kC}};
constexpr double kOffsets[3] = {0.0, 0.5, 0.5};

void check_shape(const Tensor& x) {
  const Shape& s = x.shape();
  if (s.rank() == 5 && s[0] == 3 && s[1] == 1 && s[2] == 1 && x.dtype() == DType::f32) return;
  throw ShapeError("[opponent] expected the three channels of a picture, [3,1,1,H,W] f32, found {} {}",
                   s.str(), name_of(x.dtype()));
}

}  // namespace

Tensor to_opponent(const Tensor& rgb) {
  check_shape(rgb);
  const Tensor channels = Tensor::empty(rgb.shape());
  const std::span<const float> in = rgb.span<const float>();
  const std::span<float> out = channels.span<float>();
  const size_t n = in.size() / 3;
  for (size_t c = 0; c < 3; ++c) {
    const double* row = kRows[c];
    for (size_t i = 0; i < n; ++i)
      out[c * n + i] =
          static_cast<float>(kOffsets[c] + row[0] * in[i] + row[1] * in[n + i] + row[2] * in[2 * n + i]);
  }
  return channels;
}

Tensor from_opponent(const Tensor& channels) {
  check_shape(channels);
  const Tensor rgb = Tensor::empty(channels.shape());
  const std::span<const float> in = channels.span<const float>();
  const std::span<float> out = rgb.span<float>();
  const size_t n = in.size() / 3;
  for (size_t i = 0; i < n; ++i) {
    const double l = in[i], c1 = in[n + i] - kOffsets[1], c2 = in[2 * n + i] - kOffsets[2];
    for (size_t c = 0; c < 3; ++c)
      out[c * n + i] = static_cast<float>(3.0 * (kRows[0][c] * l + kRows[1][c] * c1 + kRows[2][c] * c2));
  }
  return rgb;
}

Image opponent_channel(const Image& rgb, int channel) {
  if (rgb.channels != 3 || channel < 0 || channel > 2)
    throw ShapeError("[opponent] expected channel 0, 1 or 2 of a picture in colour, found channel {} of {}",
                     channel, rgb.channels);
  Image one(rgb.width, rgb.height, 1, 16);
  const double white = rgb.max_level();
  const double* row = kRows[channel];
  for (size_t i = 0; i < one.levels.size(); ++i) {
    const uint16_t* pixel = rgb.levels.data() + 3 * i;
    const double value =
        kOffsets[channel] + (row[0] * pixel[0] + row[1] * pixel[1] + row[2] * pixel[2]) / white;
    one.levels[i] = static_cast<uint16_t>(std::lround(std::clamp(value, 0.0, 1.0) * 65535.0));
  }
  return one;
}

}  // namespace primal
