// The colour map, computed: CIELAB (L, C, h) under D65 to sRGB by the formulas of IEC 61966-2-1
// and CIE 15.
#include "data/figure/colour.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace primal {
namespace {

double lab_inverse(double t) {
  constexpr double kDelta = 6.0 / 29.0;
  return t > kDelta ? t * t * t : 3.0 * kDelta * kDelta * (t - 4.0 / 29.0);
}

uint8_t srgb_level(double linear) {
  const double v = linear <= 0.0031308 ? 12.92 * linear : 1.055 * std::pow(linear, 1.0 / 2.4) - 0.055;
  return static_cast<uint8_t>(std::lround(255.0 * std::clamp(v, 0.0, 1.0)));
}

}  // namespace

Colour map_colour(double t) {
  if (std::isnan(t)) return {255, 0, 255};
  t = std::clamp(t, 0.0, 1.0);
  const double lightness = 16.0 + 74.0 * t;
  const double hue = (305.0 - 205.0 * t) * std::numbers::pi / 180.0;
  // As colourful as sRGB allows on the way: violet and yellow reach far, teal does not.
  const double chroma = 48.0 - 87.0 * t + 114.0 * t * t;
  const double fy = (lightness + 16.0) / 116.0;
  const double x = 0.95047 * lab_inverse(fy + chroma * std::cos(hue) / 500.0);
  const double y = lab_inverse(fy);
  const double z = 1.08883 * lab_inverse(fy - chroma * std::sin(hue) / 200.0);
  return {srgb_level(3.2404542 * x - 1.5371385 * y - 0.4985314 * z),
          srgb_level(-0.9692660 * x + 1.8760108 * y + 0.0415560 * z),
          srgb_level(0.0556434 * x - 0.2040259 * y + 1.0572252 * z)};
}

Colour series_colour(size_t i) {
  constexpr std::array<Colour, kSeriesColours> kPalette{{{0, 114, 178},    // blue
                                                         {213, 94, 0},     // vermillion
                                                         {0, 158, 115},    // bluish green
                                                         {204, 121, 167},  // reddish purple
                                                         {230, 159, 0},    // orange
                                                         {86, 180, 233},   // sky blue
                                                         {0, 0, 0}}};
  return kPalette[i % kSeriesColours];
}

Colour mixed(const Colour& a, const Colour& b, double t) {
  Colour out{};
  for (size_t c = 0; c < 3; ++c) out[c] = static_cast<uint8_t>(std::lround(a[c] + (b[c] - a[c]) * t));
  return out;
}

double lightness(const Colour& colour) {
  const auto linear = [](uint8_t level) {
    const double v = level / 255.0;
    return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
  };
  const double y = 0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2]);
  return y > 0.008856 ? 116.0 * std::cbrt(y) - 16.0 : 903.3 * y;
}

}  // namespace primal
