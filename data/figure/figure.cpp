#include "data/figure/figure.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numeric>

#include "data/figure/canvas.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr int64_t kMargin = 10;    // around each panel
constexpr int64_t kLabel = 22;     // strip above a panel, for its text
constexpr int64_t kBar = 14;       // colour bar of a map
constexpr int64_t kNumbers = 52;   // room for the numbers at the bar
constexpr double kTextHeight = 9;  // of capitals

struct Extent {
  int64_t width, height;
};

Extent extent_of(const Panel& panel) {
  const Tensor& values = panel.values;
  if (!values.defined() || values.shape().rank() < 2 || values.numel() == 0 ||
      values.size(-1) * values.size(-2) != values.numel() || !is_floating(values.dtype())) {
    throw ShapeError("[figure] panel \"{}\" needs one picture [..., H, W] of f32 or f64, got {}", panel.label,
                     values.defined() ? values.str() : "no tensor");
  }
  return {values.size(-1), values.size(-2)};
}

// By how much a panel is enlarged: pixels stay squares of equal size, and a narrow picture stays below kLongest panels.
int64_t enlargement(const Panel& panel, int64_t min_panel) {
  constexpr int64_t kLongest = 4;
  const Extent e = extent_of(panel);
  const auto [shorter, longer] = std::minmax(e.width, e.height);
  const int64_t wanted = (min_panel + shorter - 1) / shorter;
  return std::max<int64_t>(std::min(wanted, kLongest * min_panel / longer), 1);
}

// A narrow picture's bar is higher than the picture, so that its numbers stand apart.
int64_t bar_height(const Panel& panel, int64_t height, int64_t min_panel) {
  if (panel.kind != Panel::Kind::log_map) return 0;
  return std::max(height, std::min(min_panel, static_cast<int64_t>(4 * kTextHeight)));
}

int64_t bar_width(const Panel& panel) {
  return panel.kind == Panel::Kind::log_map ? kMargin + kBar + kNumbers : 0;
}

Extent outer_extent(const Panel& panel, int64_t min_panel) {
  const Extent e = extent_of(panel);
  const int64_t zoom = enlargement(panel, min_panel);
  const auto text = static_cast<int64_t>(std::ceil(text_width(panel.label, kTextHeight)));
  const int64_t height = e.height * zoom;
  return {std::max(e.width * zoom + bar_width(panel), text) + kMargin,
          std::max(height, bar_height(panel, height, min_panel)) + kLabel + kMargin};
}

Colour colour_of(const Panel& panel, const LogRange& range, double value) {
  if (panel.kind == Panel::Kind::log_map) {
    if (!(value > 0.0)) return map_colour(std::isnan(value) ? value : 0.0);
    if (range.high <= range.low) return map_colour(0.5);
    return map_colour(std::log(value / range.low) / std::log(range.high / range.low));
  }
  if (std::isnan(value)) return map_colour(value);
  const double t = std::clamp((value - panel.low) / (panel.high - panel.low), 0.0, 1.0);
  const auto level = static_cast<uint8_t>(std::lround(255.0 * t));
  return {level, level, level};
}

void draw_bar(Image& canvas, const LogRange& range, int64_t x, int64_t y, int64_t height) {
  for (int64_t i = 0; i < height; ++i) {
    const double t =
        range.high > range.low ? 1.0 - (static_cast<double>(i) + 0.5) / static_cast<double>(height) : 0.5;
    fill_rectangle(canvas, x, y + i, kBar, 1, map_colour(t));
  }
  const auto number = [&](double value, int64_t at) {
    draw_text(canvas, static_cast<double>(x + kBar + 4), static_cast<double>(at),
              fmt::format("{:.2g}", value), kTextHeight, kInk);
  };
  number(range.high, y);
  number(std::sqrt(range.low * range.high), y + height / 2 - static_cast<int64_t>(kTextHeight / 2));
  number(range.low, y + height - static_cast<int64_t>(kTextHeight));
}

void draw_panel(Image& canvas, const Panel& panel, int64_t x, int64_t y, int64_t min_panel) {
  const Extent e = extent_of(panel);
  const int64_t zoom = enlargement(panel, min_panel);
  LogRange range{panel.low, panel.high};
  if (panel.kind == Panel::Kind::log_map && !(range.low > 0.0 && range.high >= range.low)) {
    range = log_range(panel.values);
  }
  draw_text(canvas, static_cast<double>(x), static_cast<double>(y) + 4.0, panel.label, kTextHeight, kInk);
  dispatch_floating(panel.values.dtype(), "figure", [&]<class T>() {
    const T* values = panel.values.data<T>();
    for (int64_t v = 0; v < e.height; ++v) {
      for (int64_t u = 0; u < e.width; ++u) {
        const Colour colour = colour_of(panel, range, static_cast<double>(values[v * e.width + u]));
        fill_rectangle(canvas, x + u * zoom, y + kLabel + v * zoom, zoom, zoom, colour);
      }
    }
  });
  if (panel.kind == Panel::Kind::log_map) {
    draw_bar(canvas, range, x + e.width * zoom + kMargin, y + kLabel,
             bar_height(panel, e.height * zoom, min_panel));
  }
}

}  // namespace

LogRange log_range(const Tensor& values) {
  std::vector<double> positive;
  for (const double value : values.to_doubles()) {
    if (value > 0.0 && std::isfinite(value)) positive.push_back(value);
  }
  if (positive.empty()) return {1e-4, 1.0};
  std::ranges::sort(positive);
  const double last = static_cast<double>(positive.size() - 1);
  const double high = positive[static_cast<size_t>(std::ceil(0.99 * last))];
  return {std::max(positive[static_cast<size_t>(0.01 * last)], high * 1e-4), high};
}

Image make_figure(const std::vector<std::vector<Panel>>& rows, int64_t min_panel) {
  // Panels below each other begin at the same x, and those beside each other at the same y.
  std::vector<int64_t> widths, heights;
  for (const std::vector<Panel>& row : rows) {
    heights.push_back(0);
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (size_t i = 0; i < row.size(); ++i) {
      const Extent e = outer_extent(row[i], min_panel);
      widths[i] = std::max(widths[i], e.width);
      heights.back() = std::max(heights.back(), e.height);
    }
  }
  if (widths.empty()) throw ShapeError("[figure] has no panels");
  const int64_t width = std::accumulate(widths.begin(), widths.end(), kMargin);
  const int64_t height = std::accumulate(heights.begin(), heights.end(), kMargin);
  Image canvas(width, height, 3);
  fill_rectangle(canvas, 0, 0, width, height, kWhite);
  int64_t y = kMargin;
  for (size_t r = 0; r < rows.size(); ++r) {
    int64_t x = kMargin;
    for (size_t i = 0; i < rows[r].size(); ++i) {
      draw_panel(canvas, rows[r][i], x, y, min_panel);
      x += widths[i];
    }
    y += heights[r];
  }
  return canvas;
}

}  // namespace primal
