// Pictures in colour: the modes of apps/pictures/colour.h, by way of the denoising of their channels.
#include <algorithm>
#include <fmt/core.h>
#include <unistd.h>

#include "apps/pictures/meter.h"
#include "apps/pictures/picture_denoising.h"
#include "apps/shell/terminal.h"
#include "apps/training/batches.h"
#include "data/preprocess/opponent.h"

namespace primal {
namespace {

// The noise of a channel, in the mean of the three, as a multiple of that of the luminance: 1.5 where the
// noises of the channels are independent, 1 where they are the same.
double noise_beside_luminance(const Tensor& rgb, const PictureNoise& of_luminance) {
  if (!of_luminance.estimate || !(of_luminance.estimate->sigma > 0.0)) return 1.0;
  double sum = 0.0;
  for (int64_t c = 0; c < rgb.size(0); ++c) {
    const PictureNoise noise = noise_of_picture(rgb.slice(c, c + 1));
    if (!noise.estimate) return 1.0;
    sum += noise.estimate->sigma;
  }
  return std::clamp(sum / 3.0 / of_luminance.estimate->sigma, 1.0, 2.0);
}

}  // namespace

Denoised PictureDenoising::solve_colour(const std::string& name, const Tensor& z, const Tensor& clean,
                                        DenoisingRow& row, Remarks& remarks) const {
  if (options_.colour == ColourMode::channels || options_.colour == ColourMode::opponent)
    return solve_channels(name, z, clean, row, remarks);
  const Tensor y = luminance(z), clean_y = clean.defined() ? luminance(clean) : Tensor();
  const ChannelOrigin origin{{z, kLuminanceScale}};
  if (options_.colour == ColourMode::luminance) {
    Denoised result = solve(name, y, clean_y, row, remarks, origin);
    result.x = with_luminance(z, y, result.x);
    return result;
  }
  const Tensor variance = find_noise(name, y, clean_y, row, remarks, origin);
  Meter meter(name, !options_.quiet && remarks.printed_at_once(), is_terminal(STDERR_FILENO));
  const auto watch = [&](const char* unit, int64_t done, int64_t total) { meter.show(unit, done, total); };
  if (denoiser_.has_map()) {
    return denoiser_.with_map_of(y, z, noise_beside_luminance(z, row.noise), watch, variance);
  }
  if (row.lambda) *row.lambda *= noise_beside_luminance(z, row.noise);
  std::vector<Tensor> x;
  Denoised result;
  for (int64_t c = 0; c < z.size(0); ++c) {
    const double gap = result.relative_gap;
    result = denoiser_(z.slice(c, c + 1), watch, row.lambda);
    result.relative_gap = std::max(result.relative_gap, gap);
    x.push_back(result.x);
  }
  result.x = stacked(x);
  return result;
}

Denoised PictureDenoising::solve_channels(const std::string& name, const Tensor& z, const Tensor& clean,
                                          DenoisingRow& row, Remarks& remarks) const {
  const bool opponent = options_.colour == ColourMode::opponent;
  const Tensor channels = opponent ? to_opponent(z) : z;
  const Tensor clean_channels = opponent && clean.defined() ? to_opponent(clean) : clean;
  const ChannelOrigin origin =
      opponent ? ChannelOrigin{{z, kOpponentScale}, kOpponentScale} : ChannelOrigin();
  const int64_t shown = opponent ? 0 : 1;  // the luminance, or green
  std::vector<Tensor> x;
  Denoised result, of_shown;
  double gap = 0.0;
  for (int64_t c = 0; c < channels.size(0); ++c) {
    const auto k = static_cast<size_t>(c);
    const std::string channel_name = opponent ? kOpponentNames.at(k) : kChannelNames.at(k);
    DenoisingRow of_channel;
    of_channel.picture = row.picture;
    of_channel.read = row.read;
    result = solve(fmt::format("{}, {}", name, channel_name), channels.slice(c, c + 1),
                   clean_channels.defined() ? clean_channels.slice(c, c + 1) : Tensor(), of_channel, remarks,
                   origin);
    gap = std::max(gap, result.relative_gap);
    x.push_back(result.x);
    row.channels.push_back(
        {channel_name, of_channel.noise, of_channel.sigma, of_channel.lambda, of_channel.is_refined});
    if (c != shown) continue;
    of_shown = result;
    row.noise = of_channel.noise;
    row.rule = of_channel.rule;
    row.sigma = of_channel.sigma;
    row.lambda = of_channel.lambda;
    row.is_refined = of_channel.is_refined;
    row.figure = std::move(of_channel.figure);
  }
  of_shown.x = opponent ? from_opponent(stacked(x)) : stacked(x);
  of_shown.relative_gap = gap;
  return of_shown;
}

}  // namespace primal
