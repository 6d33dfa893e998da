#include "data/figure/plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <limits>

#include "data/figure/canvas.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr int64_t kLeft = 66, kRight = 20, kTop = 34, kBottom = 48;  // around the area of the curves
constexpr double kTextHeight = 9;                                    // of capitals
constexpr Colour kGrid{226, 226, 230};

struct Axis {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void take(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  // Room around the values; one value alone gets some on both sides.
  void widen(double share) {
    const double more = high > low ? share * (high - low) : std::max(std::abs(low), 1.0) * 0.05;
    low -= more;
    high += more;
  }
  double share(double value) const { return (value - low) / (high - low); }
};

bool is_point(const Curve& curve, size_t i) { return std::isfinite(curve.x[i]) && std::isfinite(curve.y[i]); }

void centred(Image& canvas, double x, double y, const std::string& text) {
  draw_text(canvas, x - text_width(text, kTextHeight) / 2, y, text, kTextHeight, kInk);
}

// Steps of a training are read more easily in full.
std::string tick_text(double v) {
  return v == std::round(v) && std::abs(v) < 1e6 ? fmt::format("{:.0f}", v) : fmt::format("{:.4g}", v);
}

}  // namespace

std::vector<double> round_ticks(double low, double high, int n) {
  if (!(high > low) || n < 1) return {low};
  const double rough = (high - low) / n, power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10.0 * power;
  for (const double factor : {5.0, 2.0, 1.0}) {
    if (factor * power >= rough * 0.999) step = factor * power;
  }
  std::vector<double> ticks;
  for (double k = std::ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k += 1.0) {
    ticks.push_back(k == 0.0 ? 0.0 : k * step);
  }
  return ticks;
}

Image make_plot(const Plot& plot, int64_t width, int64_t height) {
  Axis x_axis, y_axis;
  for (const Curve& curve : plot.curves) {
    if (curve.x.size() != curve.y.size()) {
      throw ShapeError("[plot] a curve of {} x and {} y", curve.x.size(), curve.y.size());
    }
    for (size_t i = 0; i < curve.x.size(); ++i) {
      if (!is_point(curve, i)) continue;
      x_axis.take(curve.x[i]);
      y_axis.take(curve.y[i]);
    }
  }
  if (!(x_axis.high >= x_axis.low)) throw ShapeError("[plot] '{}' has no finite point", plot.title);
  if (!(x_axis.high > x_axis.low)) x_axis.widen(0.0);
  y_axis.widen(0.08);

  Image canvas(width, height, 3);
  fill_rectangle(canvas, 0, 0, width, height, kWhite);
  const int64_t w = width - kLeft - kRight, h = height - kTop - kBottom;
  const auto px = [&](double v) {
    return static_cast<double>(kLeft) + x_axis.share(v) * static_cast<double>(w);
  };
  const auto py = [&](double v) {
    return static_cast<double>(kTop) + (1.0 - y_axis.share(v)) * static_cast<double>(h);
  };
  for (const double v : round_ticks(x_axis.low, x_axis.high)) {
    fill_rectangle(canvas, std::lround(px(v)), kTop, 1, h, kGrid);
    const std::string text = tick_text(v);
    const double half = text_width(text, kTextHeight) / 2;  // the last may not reach over the edge
    centred(canvas, std::min(px(v), static_cast<double>(width) - half), static_cast<double>(kTop + h) + 8.0,
            text);
  }
  for (const double v : round_ticks(y_axis.low, y_axis.high)) {
    fill_rectangle(canvas, kLeft, std::lround(py(v)), w, 1, kGrid);
    const std::string text = tick_text(v);
    draw_text(canvas, static_cast<double>(kLeft) - 8.0 - text_width(text, kTextHeight),
              py(v) - kTextHeight / 2, text, kTextHeight, kInk);
  }
  for (const Curve& curve : plot.curves) {
    const Colour colour = map_colour(0.25);
    for (size_t i = 1; i < curve.x.size(); ++i) {
      if (!is_point(curve, i - 1) || !is_point(curve, i)) continue;
      draw_line(canvas, px(curve.x[i - 1]), py(curve.y[i - 1]), px(curve.x[i]), py(curve.y[i]), 1.0, colour);
    }
    if (!curve.mark || *curve.mark >= curve.x.size() || !is_point(curve, *curve.mark)) continue;
    const double x = px(curve.x[*curve.mark]), y = py(curve.y[*curve.mark]);
    draw_line(canvas, x, y, x, y, 4.0, colour);  // a dot
    const double text = text_width(curve.mark_label, kTextHeight);
    const double right = static_cast<double>(width - kRight) - text;  // the text stays inside
    draw_text(canvas, std::min(x + 10.0, right), y - 16.0, curve.mark_label, kTextHeight, kInk);
  }
  fill_rectangle(canvas, kLeft, kTop, 1, h, kInk);
  fill_rectangle(canvas, kLeft, kTop + h, w, 1, kInk);
  draw_text(canvas, static_cast<double>(kLeft), 10.0, plot.title, kTextHeight, kInk);
  centred(canvas, static_cast<double>(kLeft + w / 2), static_cast<double>(height) - 18.0, plot.x_label);
  return canvas;
}

Image beside(const std::vector<Image>& images) {
  int64_t width = 0;
  for (const Image& image : images) {
    if (image.height != images.front().height || image.channels != 3 || image.bit_depth != 8) {
      throw ShapeError("[plot] pictures beside each other must be RGB of 8 bit and one height");
    }
    width += image.width;
  }
  Image all(width, images.empty() ? 0 : images.front().height, 3);
  int64_t x = 0;
  for (const Image& image : images) {
    for (int64_t y = 0; y < image.height; ++y) {
      std::copy(image.row(y), image.row(y) + 3 * image.width, all.row(y) + 3 * x);
    }
    x += image.width;
  }
  return all;
}

}  // namespace primal
