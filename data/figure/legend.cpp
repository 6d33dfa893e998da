#include "data/figure/legend.h"

#include <algorithm>
#include <utility>

#include "data/figure/panel_view.h"

namespace primal {
namespace {

constexpr double kLine = 4.2, kSpace = 1.2, kBetween = 4.5;  // mm

}  // namespace

void Legend::add(const std::string& name, Sample sample) {
  if (!name.empty()) entries_.push_back({name, std::move(sample), 0.0, 0.0});
}

void Legend::place(double width) {
  double x = 0.0, y = 0.0;
  for (Entry& entry : entries_) {
    const double length = kSampleWidth + kSpace + text_width(entry.name, kTextPoints);
    if (x > 0.0 && x + length > width) x = 0.0, y += kLine;
    entry.x = x, entry.y = y;
    width_ = std::max(width_, x + length);
    x += length + kBetween;
  }
  height_ = entries_.empty() ? 0.0 : y + kLine;
}

void Legend::draw(Drawing& drawing, Point at) const {
  for (const Entry& entry : entries_) {
    const Box box{at.x + entry.x, at.y + entry.y, kSampleWidth, kLine};
    entry.sample(drawing, box);
    drawing.text({box.right() + kSpace, box.y + (kLine + kCapital * kTextPoints) / 2.0}, entry.name,
                 kTextPoints);
  }
}

}  // namespace primal
