#include "apps/pictures/picture_noise.h"

#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>

#include "data/noise/noise.h"

namespace primal {

double PictureNoise::relative() const {
  const double clean = estimate ? clean_deviation(noisy_deviation, estimate->sigma) : noisy_deviation;
  if (!estimate || estimate->sigma == 0.0) return 0.0;
  return clean > 0.0 ? estimate->sigma / clean : std::numeric_limits<double>::infinity();
}

PictureNoise noise_of_picture(const Tensor& z, const NoiseOrigins& origins, bool with_model) {
  PictureNoise noise{.estimate = {}, .noisy_deviation = sample_deviation(z)};
  if (std::min(z.size(-2), z.size(-1)) < kMinNoiseSide) return noise;
  if (with_model) {
    noise.model = estimate_noise_model(z, origins);
    noise.estimate = noise.model->estimate;
  } else {
    noise.estimate = estimate_noise(z, origins);
  }
  if (noise.estimate->sigma < kResolvedNoise) noise.estimate->sigma = noise.estimate->standard_error = 0.0;
  return noise;
}

std::string noise_text(const PictureNoise& noise, double range, const std::string& samples) {
  if (!noise.estimate)
    return fmt::format("its noise is not estimated, which needs {0} x {0} pixels", kMinNoiseSide);
  const double sigma = noise.estimate->sigma, relative = noise.relative();
  if (sigma == 0.0 && !noise.estimate->is_reliable) return "its noise cannot be estimated";
  if (sigma == 0.0) return "no noise";
  const std::string text =
      range == 255.0 && samples == "uint8"
          ? fmt::format("noise {:.3g} ({:.2f} of 255 grey levels)", sigma, 255.0 * sigma)
          : fmt::format("noise {:.3g} ({:.4g} in the file's values)", sigma, range * sigma);
  if (!std::isfinite(relative)) return text + ", and nothing but noise";
  return fmt::format("{}, {:.3g} of the deviation of the picture without it", text, relative);
}

nlohmann::json to_json(const PictureNoise& noise) {
  if (!noise.estimate) return nullptr;
  const NoiseEstimate& e = *noise.estimate;
  return {{"deviation", noise.noisy_deviation}, {"sigma", e.sigma},     {"standard_error", e.standard_error},
          {"relative", noise.relative()},       {"clipped", e.clipped}, {"blocks", e.n_blocks},
          {"reliable", e.is_reliable}};
}

std::string doubt_of(const PictureNoise& noise) {
  if (!noise.estimate || noise.estimate->is_reliable) return {};
  if (noise.estimate->sigma == 0.0) {
    return fmt::format(
        "{:.0f} % of the pixels are at an end of the range, which leaves too few to estimate the noise from",
        100.0 * noise.estimate->clipped);
  }
  return fmt::format(
      "the estimate of the noise is a guess on the low side: {:.0f} % of the pixels are at an end of the "
      "range, and the others are too close to it",
      100.0 * noise.estimate->clipped);
}

std::string noise_range_remark(const PictureNoise& noise, const TrainConfig::Noise& trained) {
  constexpr double kSpare = 0.1;
  // A model trained with noise.high 0 has seen pictures that were noisy as they were.
  if (!noise.estimate || !(trained.high > 0.0)) return {};
  const bool is_relative = parse_noise_kind(trained.kind) == NoiseKind::relative;
  const double found = is_relative ? noise.relative() : noise.estimate->sigma;
  const bool is_less = found < trained.low * (1.0 - kSpare);
  const bool is_more = found > trained.high * (1.0 + kSpare);
  if (!std::isfinite(found) || (!is_less && !is_more)) return {};
  return fmt::format(
      "its {} noise of about {:.2g} is {} than the {:g} to {:g} that the model was trained for, so the "
      "result may {}; --lambda auto needs no model, or train one with --set noise.{}={:.2g}",
      is_relative ? "relative" : "absolute", found, is_more ? "more" : "less", trained.low, trained.high,
      is_more ? "keep noise" : "lose detail", is_more ? "high" : "low", found);
}

}  // namespace primal
