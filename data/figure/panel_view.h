// A panel laid out: how much room it takes, and how it is drawn. Millimetres.
#pragma once

#include <memory>

#include "data/figure/drawing.h"
#include "data/figure/figure.h"

namespace primal {

inline constexpr double kTextPoints = 7.5, kTickPoints = 7.0, kTitlePoints = 8.5;
inline constexpr double kHairline = 0.2, kCurveWidth = 0.45;  // mm

// The content, and what lies around it: numbers, labels, a legend, a colour bar. The title above is not part
// of it.
struct PanelExtent {
  double width, height;
  double left = 0.0, right = 0.0, bottom = 0.0, top = 0.0;
};

class PanelView {
 public:
  virtual ~PanelView() = default;
  virtual PanelExtent extent() const = 0;
  // `at`: the content's upper left corner.
  virtual void draw(Drawing& drawing, Point at) const = 0;
};

std::unique_ptr<PanelView> chart_view(const Chart& chart, const Figure& figure);
std::unique_ptr<PanelView> picture_view(const Picture& picture, const Figure& figure);
std::unique_ptr<PanelView> confusion_view(const Confusion& confusion);

// A vertical bar of colours at the right of `at`, with numbers from low to high and a label; and the room it
// takes at the right of the content.
struct ColourBar {
  double low, high;
  bool logarithmic, grey;
  std::string label;

  double room() const;
  void draw(Drawing& drawing, Point at, double height) const;
};

}  // namespace primal
