// A plot: curves over one axis, with round numbers at the axes, as an RGB picture to be written as PNG.
//
//   plot        x_label below, the title above; each curve a line with its mark (a ring and its text) where one is given
//   level       a horizontal line across the plot
// Errors:  ShapeError for a plot without a finite point, or a curve whose x and y differ in length.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/image/image.h"

namespace primal {

struct Curve {
  std::vector<double> x, y;  // points that are not finite are left out
  std::optional<size_t> mark;
  std::string mark_label;
};

struct Plot {
  std::string title, x_label;
  std::vector<Curve> curves;
};

Image make_plot(const Plot& plot, int64_t width = 520, int64_t height = 340);

// Pictures of equal height, from left to right.
Image beside(const std::vector<Image>& images);

// About n round numbers from low to high: multiples of 1, 2 or 5 times a power of ten.
std::vector<double> round_ticks(double low, double high, int n = 5);

}  // namespace primal
