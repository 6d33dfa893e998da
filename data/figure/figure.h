// A figure: pictures and maps side by side with a line of text above each, as one RGB picture to be written
// as PNG.
//
// A panel shows values either in grey over [low, high], or as a map in colour on a logarithmic scale with a
// bar at its right whose ends carry the numbers. Small pictures are enlarged by a whole factor (each pixel a
// square), so that a panel has at least min_panel pixels along each side, but at most four times that along its longer one;
// nothing is smoothed.
// Errors:  ShapeError for a figure without panels or a panel that is not one picture [..., H, W] of f32 or
//          f64.
#pragma once

#include <string>
#include <vector>

#include "data/image/image.h"
#include "tensor/tensor.h"

namespace primal {

struct Panel {
  enum class Kind { grey, log_map };
  Tensor values;      // [..., H, W]
  std::string label;  // "noisy 21.3 dB"
  Kind kind = Kind::grey;
  // Grey: what becomes black and white. Map: the ends of the bar; low = high = 0 takes them from the values.
  double low = 0.0, high = 1.0;

  static Panel grey(Tensor values, std::string label) { return {std::move(values), std::move(label)}; }
  static Panel log_map(Tensor values, std::string label, double low = 0.0, double high = 0.0) {
    return {std::move(values), std::move(label), Kind::log_map, low, high};
  }
};

// The ends of a logarithmic scale for these values: the 1st and 99th percentile of those that are positive (a few
// outliers would take the colours from all others), at most four decades apart; where none is, 1e-4 and 1.
struct LogRange {
  double low, high;
};
LogRange log_range(const Tensor& values);

Image make_figure(const std::vector<std::vector<Panel>>& rows, int64_t min_panel = 256);

}  // namespace primal
