// The legend of a chart: entries side by side below the axes, in as many lines as they need.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/figure/drawing.h"

namespace primal {

class Legend {
 public:
  // Draws the sample of an entry into a box of kSampleWidth by the height of a line.
  using Sample = std::function<void(Drawing&, const Box&)>;
  static constexpr double kSampleWidth = 7.0;  // mm

  void add(const std::string& name, Sample sample);
  void place(double width);  // mm, to which lines are filled; an entry that is longer has a line of its own

  bool is_empty() const { return entries_.empty(); }
  double width() const { return width_; }    // mm, once placed
  double height() const { return height_; }  // mm; 0 without entries
  void draw(Drawing& drawing, Point at) const;

 private:
  struct Entry {
    std::string name;
    Sample sample;
    double x, y;
  };
  std::vector<Entry> entries_;
  double width_ = 0.0, height_ = 0.0;
};

}  // namespace primal
