// A canvas: an 8-bit RGB picture that can be drawn on. Everything outside it is cut off.
#pragma once

#include <array>
#include <string_view>

#include "data/image/image.h"

namespace primal {

using Colour = std::array<uint8_t, 3>;

inline constexpr Colour kWhite{255, 255, 255};
inline constexpr Colour kInk{32, 32, 36};

// t from 0 to 1, dark violet over teal to yellow: the lightness L* rises evenly from 16 to 90, so that equal
// steps of t look equal and print in grey; the hue turns from 305 to 100 degrees of CIELAB. Outside [0,1] t
// is clipped; NaN is magenta.
Colour map_colour(double t);

void fill_rectangle(Image& canvas, int64_t x, int64_t y, int64_t width, int64_t height, const Colour& colour);

// A line of the given half width with round ends, one pixel soft; both ends in one point make a dot.
void draw_line(Image& canvas, double x0, double y0, double x1, double y1, double half_width,
               const Colour& colour);

// Writes text whose capitals are `height` pixels high with their upper left corner at (x, y), in
// anti-aliased strokes. Known are the letters, digits and usual signs of ASCII; anything else is a small box.
void draw_text(Image& canvas, double x, double y, std::string_view text, double height, const Colour& colour);
double text_width(std::string_view text, double height);

}  // namespace primal
