// A chart laid out: its axes' box, the numbers and labels around it, and the legend below them.
#pragma once

#include "data/figure/axis_scale.h"
#include "data/figure/legend.h"
#include "data/figure/panel_view.h"

namespace primal {

class ChartView : public PanelView {
 public:
  ChartView(const Chart& chart, double width, double height);

  PanelExtent extent() const override;
  void draw(Drawing& drawing, Point at) const override;

  // Relative to the axes' upper left corner.
  Box legend_box() const;
  Point place(double x, double y) const;

 private:
  void draw_axes(Drawing& drawing, Point at) const;
  void draw_layer(Drawing& drawing, Point at, const Line& line, size_t i) const;
  void draw_layer(Drawing& drawing, Point at, const Points& points, size_t i) const;
  void draw_layer(Drawing& drawing, Point at, const Bars& bars, size_t i) const;
  void draw_layer(Drawing& drawing, Point at, const Boxes& boxes, size_t i) const;
  void draw_layer(Drawing& drawing, Point at, const Level& level, size_t i) const;
  void fill_legend();

  const Chart& chart_;
  double width_, height_;
  AxisScale x_, y_;
  std::vector<Tick> x_ticks_, y_ticks_;
  double y_numbers_ = 0.0;  // room for the numbers at the y axis
  bool upward_ = false;     // x's categories, where they are too long to stand side by side
  double x_numbers_ = 0.0;  // room for the numbers at the x axis
  Legend legend_;
};

}  // namespace primal
