#include "data/figure/chart_view.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "tensor/error.h"

namespace primal {
namespace {

constexpr double kTickGap = 1.2, kLabelGap = 1.6;  // mm, between axes and numbers, numbers and label

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <class... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;  // clang 14 does not deduce it by itself

// All that the axes have to show. Bars begin at 0, which belongs to it where the axis can show it.
struct Values {
  std::vector<double> x, y;
};

Values values_of(const Chart& chart) {
  Values all;
  const auto add = [&](const std::vector<double>& x, const std::vector<double>& y) {
    for (size_t i = 0; i < x.size(); ++i) {
      if (!std::isfinite(x[i]) || !std::isfinite(y[i])) continue;
      all.x.push_back(x[i]);
      all.y.push_back(y[i]);
    }
  };
  const Overloaded take{[&](const Line& l) { add(l.x, l.y); }, [&](const Points& p) { add(p.x, p.y); },
                        [&](const Bars& b) {
                          add(b.left, b.height);
                          add(b.right, b.height);
                          if (!b.left.empty()) all.y.push_back(0.0);
                        },
                        [&](const Boxes& b) {
                          for (size_t i = 0; i < b.values.size(); ++i)
                            add(std::vector<double>(b.values[i].size(), static_cast<double>(i + 1)),
                                b.values[i]);
                        },
                        [&](const Level& l) { (l.vertical ? all.x : all.y).push_back(l.value); }};
  for (const Layer& layer : chart.layers) std::visit(take, layer);
  return all;
}

const Chart& checked(const Chart& chart) {
  const auto expect = [](size_t a, size_t b, const char* what) {
    if (a != b) throw ShapeError("[figure] {} of {} and {} values: expected as many", what, a, b);
  };
  for (const Layer& layer : chart.layers) {
    if (const auto* l = std::get_if<Line>(&layer)) expect(l->x.size(), l->y.size(), "a line's x and y");
    if (const auto* p = std::get_if<Points>(&layer)) expect(p->x.size(), p->y.size(), "the points' x and y");
    if (const auto* b = std::get_if<Bars>(&layer)) {
      expect(b->left.size(), b->height.size(), "the bars' left ends and heights");
      expect(b->right.size(), b->height.size(), "the bars' right ends and heights");
    }
  }
  if (chart.x.label.empty() || chart.y.label.empty())
    throw ShapeError("[figure] a chart needs a label with its unit at both axes, got '{}' and '{}'",
                     chart.x.label, chart.y.label);
  return chart;
}

// Beyond the colours of the palette series differ in shape and dash.
Marker shape_of(size_t i) {
  constexpr std::array kShapes{Marker::circle, Marker::triangle, Marker::square, Marker::diamond};
  return kShapes[i / kSeriesColours % kShapes.size()];
}
std::vector<double> dash_of(size_t i) {
  if (i < kSeriesColours) return {};
  return i < 2 * kSeriesColours ? std::vector<double>{2.0, 0.8} : std::vector<double>{0.8, 0.8};
}
std::vector<double> level_dash(size_t i) {
  static const std::array<std::vector<double>, 4> kDashes{
      {{1.6, 1.0}, {0.4, 0.8}, {2.4, 0.8, 0.4, 0.8}, {3.4, 1.0}}};
  return kDashes[i % kDashes.size()];
}

// Levels and guides: black, and told apart by their dashes.
bool is_black(const Layer& layer) {
  const auto* line = std::get_if<Line>(&layer);
  return std::holds_alternative<Level>(layer) || (line != nullptr && line->guide);
}

// The number of a layer among those that take a colour; of a black one among the black ones.
size_t number_of(const Chart& chart, size_t layer) {
  const bool black = is_black(chart.layers[layer]);
  return static_cast<size_t>(std::count_if(chart.layers.begin(),
                                           chart.layers.begin() + static_cast<std::ptrdiff_t>(layer),
                                           [&](const Layer& l) { return is_black(l) == black; }));
}

double point_size(size_t n) { return n > 3000 ? 0.7 : n > 600 ? 1.0 : n > 100 ? 1.3 : 1.8; }

void clip_first_dip(const Chart& chart, AxisScale& y) {
  std::vector<double> heights;
  for (const Layer& layer : chart.layers) {
    if (const auto* line = std::get_if<Line>(&layer))
      std::ranges::copy_if(line->y, std::back_inserter(heights), [&](double v) { return y.shows(v); });
  }
  if (heights.size() < 10) return;
  std::ranges::sort(heights);
  const double tenth = heights[heights.size() / 10];
  if (heights.back() > tenth) y.raise_low_to(tenth - (heights.back() - tenth));
}

bool has_points(const Chart& chart) {
  return std::ranges::any_of(chart.layers, [](const Layer& l) { return std::holds_alternative<Points>(l); });
}

}  // namespace

ChartView::ChartView(const Chart& chart, double width, double height)
    : chart_(checked(chart)),
      width_(width),
      height_(height),
      x_(chart.x, values_of(chart).x, has_points(chart) ? 0.04 : 0.0),
      y_(chart.y, values_of(chart).y, 0.06) {
  for (const Layer& layer : chart.layers) {
    if (std::holds_alternative<Bars>(layer)) y_.keep_zero_at_the_end();
  }
  if (chart.clip_low) clip_first_dip(chart, y_);
  // As many numbers below the axis as have room.
  for (int n = 6; n > 1; --n) {
    x_ticks_ = x_.ticks(n);
    double needed = 0.0;
    for (size_t i = 1; i < x_ticks_.size(); ++i) {
      const double half =
          (text_width(x_ticks_[i].text, kTickPoints) + text_width(x_ticks_[i - 1].text, kTickPoints)) / 2.0;
      needed = std::max(needed,
                        (half + 1.8) / std::max((x_ticks_[i].share - x_ticks_[i - 1].share) * width, 1e-9));
    }
    upward_ = needed > 1.0;
    if (!upward_) break;
  }
  upward_ = upward_ && !chart.x.categories.empty();
  y_ticks_ = y_.ticks(std::max(2, static_cast<int>(height / 9.0)));
  for (const Tick& tick : y_ticks_) y_numbers_ = std::max(y_numbers_, text_width(tick.text, kTickPoints));
  x_numbers_ = kCapital * kTickPoints;
  if (upward_) {
    for (const Tick& tick : x_ticks_) x_numbers_ = std::max(x_numbers_, text_width(tick.text, kTickPoints));
  }
  fill_legend();
  legend_.place(width_);
}

PanelExtent ChartView::extent() const {
  const double label = kLabelGap + 1.3 * kCapital * kTextPoints;
  double right = std::max(0.0, legend_.width() - width_), left = kTickGap + y_numbers_ + label;
  for (const Tick& tick : x_ticks_) {
    if (upward_) break;
    const double half = text_width(tick.text, kTickPoints) / 2.0;
    right = std::max(right, tick.share * width_ + half - width_);
    left = std::max(left, half - tick.share * width_);
  }
  const double below = kTickGap + x_numbers_ + label + 0.8;
  return {width_, height_, left, right, below + (legend_.is_empty() ? 0.0 : 1.0 + legend_.height()), 0.0};
}

Box ChartView::legend_box() const {
  const double bottom = extent().bottom;
  return {0.0, height_ + bottom - legend_.height(), legend_.width(), legend_.height()};
}

// What lies below the axes is drawn on them.
Point ChartView::place(double x, double y) const {
  return {x_.share(x) * width_, (1.0 - std::max(y_.share(y), 0.0)) * height_};
}

void ChartView::draw_axes(Drawing& drawing, Point at) const {
  const double capital = kCapital * kTickPoints;
  for (const Tick& tick : y_ticks_) {
    const double y = at.y + (1.0 - tick.share) * height_;
    drawing.line(std::array{Point{at.x, y}, Point{at.x + width_, y}}, kHairline, kGrid);
    drawing.text({at.x - kTickGap, y + capital / 2.0}, tick.text, kTickPoints, Align::right);
  }
  for (const Tick& tick : x_ticks_) {
    const double x = at.x + tick.share * width_;
    if (chart_.x.categories.empty())
      drawing.line(std::array{Point{x, at.y}, Point{x, at.y + height_}}, kHairline, kGrid);
    if (upward_)
      drawing.upward_text({x + capital / 2.0, at.y + height_ + kTickGap}, tick.text, kTickPoints,
                          Align::right);
    else
      drawing.text({x, at.y + height_ + kTickGap + capital}, tick.text, kTickPoints, Align::centre);
  }
  const double label_y = at.y + height_ + kTickGap + x_numbers_ + kLabelGap + kCapital * kTextPoints;
  drawing.text({at.x + width_ / 2.0, label_y}, chart_.x.label, kTextPoints, Align::centre);
  drawing.upward_text({at.x - kTickGap - y_numbers_ - kLabelGap, at.y + height_ / 2.0}, chart_.y.label,
                      kTextPoints);
}

void ChartView::draw(Drawing& drawing, Point at) const {
  draw_axes(drawing, at);
  drawing.clip({at.x - 1.2, at.y - 1.2, width_ + 2.4, height_ + 2.4});
  for (const bool levels : {false, true}) {
    for (size_t i = 0; i < chart_.layers.size(); ++i) {
      if (std::holds_alternative<Level>(chart_.layers[i]) != levels) continue;
      std::visit([&](const auto& layer) { draw_layer(drawing, at, layer, number_of(chart_, i)); },
                 chart_.layers[i]);
    }
  }
  drawing.end_clip();
  const Point corner{at.x, at.y + height_};
  drawing.line(std::array{at, corner, Point{at.x + width_, corner.y}}, 1.5 * kHairline, kInk);
  if (x_.is_empty() || y_.is_empty())
    drawing.text({at.x + width_ / 2.0, at.y + height_ / 2.0}, "no finite values", kTextPoints, Align::centre);
  const Box legend = legend_box();
  legend_.draw(drawing, {at.x + legend.x, at.y + legend.y});
}

void ChartView::draw_layer(Drawing& drawing, Point at, const Line& line, size_t i) const {
  std::vector<Point> run;
  const std::vector<double> dash = line.guide ? level_dash(i) : dash_of(i);
  const Colour colour = line.guide ? kInk : series_colour(i);
  const double width = line.guide ? 0.35 : kCurveWidth;
  const auto end_run = [&] {
    if (run.size() == 1) drawing.marker(run.front(), Marker::circle, 1.2, colour);
    if (run.size() > 1) drawing.line(run, width, colour, dash);
    run.clear();
  };
  for (size_t k = 0; k < line.x.size(); ++k) {
    if (!x_.shows(line.x[k]) || !y_.shows(line.y[k])) {
      end_run();
      continue;
    }
    const Point p = place(line.x[k], line.y[k]);
    if (line.step && !run.empty()) run.push_back({at.x + p.x, run.back().y});
    run.push_back({at.x + p.x, at.y + p.y});
  }
  end_run();
  if (!line.mark || *line.mark >= line.x.size()) return;
  const double x = line.x[*line.mark], y = line.y[*line.mark];
  if (!x_.shows(x) || !y_.shows(y)) return;
  const Point p = place(x, y);
  drawing.marker({at.x + p.x, at.y + p.y}, Marker::circle, 2.0, series_colour(i));
}

void ChartView::draw_layer(Drawing& drawing, Point at, const Points& points, size_t i) const {
  size_t total = 0;
  for (const Layer& layer : chart_.layers) {
    if (const auto* p = std::get_if<Points>(&layer)) total += p->x.size();
  }
  for (size_t k = 0; k < points.x.size(); ++k) {
    if (!x_.shows(points.x[k]) || !y_.shows(points.y[k])) continue;
    const Point p = place(points.x[k], points.y[k]);
    drawing.marker({at.x + p.x, at.y + p.y}, shape_of(i), point_size(total), series_colour(i), 0.8);
  }
}

void ChartView::draw_layer(Drawing& drawing, Point at, const Bars& bars, size_t i) const {
  const double base = y_.shows(0.0) ? std::clamp(1.0 - y_.share(0.0), 0.0, 1.0) * height_ : height_;
  for (size_t k = 0; k < bars.height.size(); ++k) {
    if (!y_.shows(bars.height[k]) || !x_.shows(bars.left[k]) || !x_.shows(bars.right[k])) continue;
    const Point left = place(bars.left[k], bars.height[k]), right = place(bars.right[k], bars.height[k]);
    const double middle = (x_.share(bars.left[k]) + x_.share(bars.right[k])) / 2.0;
    const Box box{at.x + left.x, at.y + std::min(left.y, base), right.x - left.x, std::abs(base - left.y)};
    drawing.fill(box, bars.map_colours ? map_colour(middle) : series_colour(i));
    if (box.width > 1.0 && !bars.map_colours) drawing.frame(box, 0.15, kWhite);
  }
}

void ChartView::draw_layer(Drawing& drawing, Point at, const Boxes& boxes, size_t i) const {
  for (size_t k = 0; k < boxes.values.size(); ++k) {
    const std::optional<BoxStatistics> s = box_statistics(boxes.values[k]);
    if (!s) continue;
    const Colour colour = series_colour(i + k);
    const double x = at.x + x_.share(static_cast<double>(k + 1)) * width_;
    const double half = std::min(0.3 * width_ / static_cast<double>(boxes.values.size()), 6.0);
    const auto y = [&](double v) { return at.y + place(1.0, v).y; };
    for (const auto& [from, to] :
         {std::pair{s->high_quartile, s->high_whisker}, {s->low_quartile, s->low_whisker}}) {
      drawing.line(std::array{Point{x, y(from)}, Point{x, y(to)}}, 0.3, kInk);
      drawing.line(std::array{Point{x - half / 2, y(to)}, Point{x + half / 2, y(to)}}, 0.3, kInk);
    }
    const Box box{x - half, y(s->high_quartile), 2.0 * half, y(s->low_quartile) - y(s->high_quartile)};
    drawing.fill(box, mixed(kWhite, colour, 0.45));
    drawing.frame(box, 0.3, kInk);
    drawing.line(std::array{Point{x - half, y(s->median)}, Point{x + half, y(s->median)}}, 0.6, kInk);
    for (const double v : s->outliers) drawing.marker({x, y(v)}, Marker::circle, 0.9, colour, 0.7);
    drawing.marker({x, y(s->mean)}, Marker::diamond, 1.6, kInk);
  }
}

void ChartView::draw_layer(Drawing& drawing, Point at, const Level& level, size_t i) const {
  if (!(level.vertical ? x_ : y_).shows(level.value)) return;
  const Point from = level.vertical
                         ? Point{at.x + x_.share(level.value) * width_, at.y}
                         : Point{at.x, at.y + (1.0 - std::max(y_.share(level.value), 0.0)) * height_};
  const Point to = level.vertical ? Point{from.x, at.y + height_} : Point{at.x + width_, from.y};
  drawing.line(std::array{from, to}, 0.35, kInk, level_dash(i));
}

void ChartView::fill_legend() {
  for (size_t k = 0; k < chart_.layers.size(); ++k) {
    const size_t i = number_of(chart_, k);
    const Overloaded add{
        [&](const Line& l) {
          legend_.add(l.name, [i, guide = l.guide](Drawing& d, const Box& b) {
            const double y = b.y + b.height / 2.0;
            if (guide)
              d.line(std::array{Point{b.x, y}, Point{b.right(), y}}, 0.4, kInk, level_dash(i));
            else
              d.line(std::array{Point{b.x, y}, Point{b.right(), y}}, 1.3 * kCurveWidth, series_colour(i),
                     dash_of(i));
          });
          legend_.add(l.mark ? l.mark_name : "", [i](Drawing& d, const Box& b) {
            d.marker({b.x + b.width / 2.0, b.y + b.height / 2.0}, Marker::circle, 2.0, series_colour(i));
          });
        },
        [&](const Points& p) {
          legend_.add(p.name, [i](Drawing& d, const Box& b) {
            d.marker({b.x + b.width / 2.0, b.y + b.height / 2.0}, shape_of(i), 2.0, series_colour(i));
          });
        },
        [&](const Bars& bars) {
          legend_.add(bars.name, [i](Drawing& d, const Box& b) {
            d.fill({b.x + b.width / 4.0, b.y + b.height / 4.0, b.width / 2.0, b.height / 2.0},
                   series_colour(i));
          });
        },
        [](const Boxes&) {},
        [&](const Level& l) {
          if (!std::isfinite(l.value)) return;
          legend_.add(l.name, [i, upright = l.vertical](Drawing& d, const Box& b) {
            const double x = b.x + b.width / 2.0, y = b.y + b.height / 2.0;
            if (upright)
              d.line(std::array{Point{x, b.y + 0.3}, Point{x, b.bottom() - 0.3}}, 0.4, kInk, level_dash(i));
            else
              d.line(std::array{Point{b.x, y}, Point{b.right(), y}}, 0.4, kInk, level_dash(i));
          });
        }};
    std::visit(add, chart_.layers[k]);
  }
}

std::unique_ptr<PanelView> chart_view(const Chart& chart, const Figure& figure) {
  return std::make_unique<ChartView>(chart, figure.chart_width_mm, figure.chart_height_mm);
}

}  // namespace primal
