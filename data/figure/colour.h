// Colours of figures.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace primal {

using Colour = std::array<uint8_t, 3>;  // sRGB

inline constexpr Colour kWhite{255, 255, 255};
inline constexpr Colour kInk{32, 32, 36};
inline constexpr Colour kGrid{226, 226, 230};

// t from 0 to 1, dark violet over teal to yellow: the lightness L* rises evenly from 16 to 90, so that equal
// steps of t look equal and print in grey; the hue turns from 305 to 100 degrees of CIELAB. Outside [0,1] t
// is clipped; NaN is magenta.
Colour map_colour(double t);

// The colour of series i, from the palette of Okabe and Ito without its yellow, which is too light for lines
// on white. After its last colour the palette starts again.
inline constexpr size_t kSeriesColours = 7;
Colour series_colour(size_t i);

// (1 - t) a + t b, in sRGB.
Colour mixed(const Colour& a, const Colour& b, double t);

// From 0 to 100, as CIE L* has it.
double lightness(const Colour& colour);

}  // namespace primal
