#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

#include "data/figure/colour.h"

namespace primal {
namespace {

using Triple = std::array<double, 3>;

Triple linear_of(const Colour& colour) {
  Triple out{};
  for (size_t c = 0; c < 3; ++c) {
    const double v = colour[c] / 255.0;
    out[c] = v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
  }
  return out;
}

Triple times(const std::array<Triple, 3>& matrix, const Triple& v) {
  Triple out{};
  for (size_t i = 0; i < 3; ++i) out[i] = matrix[i][0] * v[0] + matrix[i][1] * v[1] + matrix[i][2] * v[2];
  return out;
}

// CIELAB of linear sRGB.
Triple lab_of(const Triple& rgb) {
  const Triple xyz =
      times({{{0.4124, 0.3576, 0.1805}, {0.2126, 0.7152, 0.0722}, {0.0193, 0.1192, 0.9505}}}, rgb);
  const auto f = [](double t) { return t > 0.008856 ? std::cbrt(t) : 7.787 * t + 16.0 / 116.0; };
  const double x = f(std::max(xyz[0], 0.0) / 0.9505), y = f(std::max(xyz[1], 0.0)),
               z = f(std::max(xyz[2], 0.0) / 1.089);
  return {116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)};
}

double distance(const Triple& a, const Triple& b) {
  return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

TEST(MapColour, LightnessRisesEvenly) {
  for (int i = 0; i <= 100; ++i) {
    const double t = i / 100.0;
    EXPECT_NEAR(lab_of(linear_of(map_colour(t)))[0], 16.0 + 74.0 * t, 1.5)
        << t;  // measured 0.9: 8-bit rounding and the gamut's edge
  }
}

TEST(MapColour, ClipsAndMarksNaN) {
  EXPECT_EQ(map_colour(-1.0), map_colour(0.0));
  EXPECT_EQ(map_colour(2.0), map_colour(1.0));
  EXPECT_EQ(map_colour(std::nan("")), (Colour{255, 0, 255}));
}

// Source: G. M. Machado, M. M. Oliveira, L. A. F. Fernandes, "A physiologically-based model for simulation of
// color vision deficiency", 2009: the matrices for complete protanopia and deuteranopia, on linear sRGB.
TEST(SeriesColour, IsToldApartWithAColourVisionDeficiency) {
  constexpr std::array<Triple, 3> kNone{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  constexpr std::array<Triple, 3> kProtanopia{
      {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}}};
  constexpr std::array<Triple, 3> kDeuteranopia{
      {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}}};
  for (const auto& eye : {kNone, kProtanopia, kDeuteranopia}) {
    double least = 1e9;
    for (size_t i = 0; i < kSeriesColours; ++i) {
      for (size_t j = 0; j < i; ++j) {
        const Triple a = lab_of(times(eye, linear_of(series_colour(i)))),
                     b = lab_of(times(eye, linear_of(series_colour(j))));
        least = std::min(least, distance(a, b));
      }
    }
    EXPECT_GT(least, 10.0);  // 2.3 is just noticeable
  }
}

TEST(SeriesColour, StandsOutFromThePaper) {
  const auto luminance = [](const Colour& c) {
    const Triple rgb = linear_of(c);
    return 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2];
  };
  for (size_t i = 0; i < kSeriesColours; ++i)
    EXPECT_GT(1.05 / (luminance(series_colour(i)) + 0.05), 2.0)
        << i;  // contrast to white as WCAG 2 has it; black is 21
  EXPECT_EQ(series_colour(kSeriesColours), series_colour(0));
}

}  // namespace
}  // namespace primal
