#include "apps/pictures/colour.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "apps/pictures/picture_noise.h"
#include "data/preprocess/opponent.h"
#include "tensor/error.h"

namespace primal {

ColourMode parse_colour_mode(const std::string& name) {
  const auto found = std::ranges::find(kColourModes, name);
  if (found == std::end(kColourModes))
    throw ConfigError("[--colour] expected channels, opponent, joint, luminance or grey, found '{}'", name);
  return static_cast<ColourMode>(found - std::begin(kColourModes));
}

Tensor luminance(const Tensor& rgb) {
  const Tensor y = Tensor::empty(rgb.shape().with(0, 1));
  const auto n = static_cast<size_t>(y.numel());
  const std::span<const float> in = rgb.span<const float>();
  const std::span<float> out = y.span<float>();
  for (size_t i = 0; i < n; ++i)
    out[i] = static_cast<float>((19595.0 * in[i] + 38470.0 * in[n + i] + 7471.0 * in[2 * n + i]) / 65536.0);
  return y;
}

Tensor with_luminance(const Tensor& rgb, const Tensor& y, const Tensor& denoised_y) {
  const Tensor x = Tensor::empty(rgb.shape());
  const auto n = static_cast<size_t>(y.numel());
  const std::span<const float> in = rgb.span<const float>(), before = y.span<const float>(),
                               after = denoised_y.span<const float>();
  const std::span<float> out = x.span<float>();
  for (size_t i = 0; i < out.size(); ++i) out[i] = in[i] + (after[i % n] - before[i % n]);
  return x;
}

Scores scores_of_channels(const Tensor& x, const Tensor& clean) {
  double sum = 0.0;
  for (int64_t c = 0; c < x.size(0); ++c) sum += ssim(x.slice(c, c + 1), clean.slice(c, c + 1));
  return {psnr(x, clean), sum / static_cast<double>(x.size(0))};
}

}  // namespace primal
