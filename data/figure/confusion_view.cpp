// A confusion matrix: in each cell the count, and below it its share of the row, which is also the cell's
// shade.
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numeric>

#include "data/figure/panel_view.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr double kGap = 1.2, kNameGap = 2.0;  // mm
constexpr double kCapitals = kCapital * kTextPoints;

class ConfusionView : public PanelView {
 public:
  explicit ConfusionView(const Confusion& confusion) : confusion_(confusion), n_(confusion.labels.size()) {
    bool fits = n_ > 0 && confusion.counts.size() == n_;
    for (const std::vector<int64_t>& row : confusion.counts) fits = fits && row.size() == n_;
    if (!fits)
      throw ShapeError(
          "[figure] a confusion matrix of {} rows and {} labels: expected a row and a column for each label",
          confusion.counts.size(), n_);
    double widest = 0.0;
    for (size_t i = 0; i < n_; ++i) {
      names_ = std::max(names_, text_width(confusion.labels[i], kTextPoints));
      for (size_t j = 0; j < n_; ++j) {
        widest = std::max({widest, text_width(count_text(i, j), kTextPoints),
                           text_width(share_text(i, j), kTickPoints - 1)});
      }
    }
    cell_ = std::max(9.0, widest + 2.0);
    upward_ = names_ + 1.5 > cell_;
  }

  PanelExtent extent() const override {
    const double side = cell_ * static_cast<double>(n_), label = kNameGap + 1.3 * kCapitals;
    return {side, side, kGap + names_ + label, 0.0, kGap + (upward_ ? names_ : kCapitals) + label, 0.0};
  }

  void draw(Drawing& drawing, Point at) const override {
    const double side = cell_ * static_cast<double>(n_);
    for (size_t i = 0; i < n_; ++i) {
      const double y = at.y + cell_ * static_cast<double>(i), x = at.x + cell_ * static_cast<double>(i);
      const double half = cell_ / 2.0;
      drawing.text({at.x - kGap, y + half + kCapitals / 2.0}, confusion_.labels[i], kTextPoints,
                   Align::right);
      if (upward_)
        drawing.upward_text({x + half + kCapitals / 2.0, at.y + side + kGap}, confusion_.labels[i],
                            kTextPoints, Align::right);
      else
        drawing.text({x + half, at.y + side + kGap + kCapitals}, confusion_.labels[i], kTextPoints,
                     Align::centre);
      for (size_t j = 0; j < n_; ++j)
        draw_cell(drawing, {at.x + cell_ * static_cast<double>(j), y, cell_, cell_}, i, j);
    }
    drawing.frame({at.x, at.y, side, side}, kHairline, kInk);
    const PanelExtent e = extent();
    drawing.text({at.x + side / 2.0, at.y + side + e.bottom - 0.3 * kCapitals}, "predicted class",
                 kTextPoints, Align::centre);
    drawing.upward_text({at.x - e.left + kCapitals, at.y + side / 2.0}, "true class", kTextPoints);
  }

 private:
  // NaN where the class has no sample.
  double share(size_t i, size_t j) const {
    const std::vector<int64_t>& row = confusion_.counts[i];
    const auto total = static_cast<double>(std::accumulate(row.begin(), row.end(), int64_t{0}));
    return static_cast<double>(row[j]) / total;
  }
  std::string count_text(size_t i, size_t j) const { return fmt::format("{}", confusion_.counts[i][j]); }
  std::string share_text(size_t i, size_t j) const {
    const double s = share(i, j);
    return std::isfinite(s) ? fmt::format("{:.1f} %", 100.0 * s) : "–";
  }

  void draw_cell(Drawing& drawing, const Box& box, size_t i, size_t j) const {
    const double s = share(i, j);
    const Colour shade = mixed(kWhite, series_colour(0), std::isfinite(s) ? s : 0.0);
    const Colour ink = lightness(shade) > 60.0 ? kInk : kWhite;
    drawing.fill(box, shade);
    drawing.frame(box, 0.1, kGrid);
    const double x = box.x + box.width / 2.0, y = box.y + box.height / 2.0;
    drawing.text({x, y - 0.4}, count_text(i, j), kTextPoints, Align::centre, ink);
    drawing.text({x, y + 0.7 + kCapital * (kTickPoints - 1)}, share_text(i, j), kTickPoints - 1,
                 Align::centre, ink);
  }

  const Confusion& confusion_;
  size_t n_;
  double names_ = 0.0, cell_ = 0.0;
  bool upward_ = false;
};

}  // namespace

std::unique_ptr<PanelView> confusion_view(const Confusion& confusion) {
  return std::make_unique<ConfusionView>(confusion);
}

}  // namespace primal
