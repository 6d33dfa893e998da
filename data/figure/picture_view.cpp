// Pictures and maps, and the bar that says what a map's colours mean.
#include <algorithm>
#include <array>
#include <cmath>

#include "data/figure/axis_scale.h"
#include "data/figure/panel_view.h"
#include "data/figure/picture_colours.h"
#include "data/figure/ticks.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr double kBarGap = 1.8, kBarWidth = 3.0, kNumberGap = 1.0, kBarLabelGap = 1.5;  // mm
constexpr double kMinBar = 12.0;                                                        // mm, height of a bar
constexpr double kMostPixels = 2048.0, kLongest = 4.0;

// Where a value lies on the scale, from 0 to 1; NaN for what is no number.
double share_of(double value, double low, double high, bool logarithmic) {
  if (std::isnan(value)) return value;
  if (!(high > low)) return 0.5;
  if (!logarithmic) return std::clamp((value - low) / (high - low), 0.0, 1.0);
  return value > 0.0 ? std::clamp(std::log(value / low) / std::log(high / low), 0.0, 1.0) : 0.0;
}

Colour colour_at(double share, bool grey) {
  if (!grey || std::isnan(share)) return map_colour(share);
  const auto level = static_cast<uint8_t>(std::lround(255.0 * share));
  return {level, level, level};
}

// Numbers of a bar that stand apart, whose height is given.
std::vector<Tick> bar_ticks(const ColourBar& bar, double height) {
  if (!(bar.high > bar.low)) return {{0.5, tick_texts({bar.low}).front()}};
  const AxisOptions options{.label = {}, .logarithmic = bar.logarithmic, .low = bar.low, .high = bar.high};
  std::vector<Tick> ticks =
      AxisScale(options, {bar.low, bar.high}, 0.0).ticks(std::max(2, static_cast<int>(height / 8.0)));
  std::erase_if(ticks, [](const Tick& t) { return t.share < -1e-9 || t.share > 1.0 + 1e-9; });
  double last = -1.0;
  std::erase_if(ticks, [&](const Tick& t) {
    const bool is_close = (t.share - last) * height < 1.25 * kTickPoints * kPoint;
    if (!is_close) last = t.share;
    return is_close;
  });
  return ticks;
}

const Tensor& checked(const Tensor& values) {
  if (!values.defined() || values.shape().rank() < 2 || values.numel() == 0 ||
      values.size(-1) * values.size(-2) != values.numel() || !is_floating(values.dtype())) {
    throw ShapeError("[figure] a picture needs one tensor [..., H, W] of f32 or f64, got {}",
                     values.defined() ? values.str() : "no tensor");
  }
  return values;
}

class PictureView : public PanelView {
 public:
  PictureView(const Picture& picture, const Figure& figure) : picture_(picture) {
    const Tensor& values = checked(picture.values);
    const auto columns = static_cast<double>(values.size(-1)), rows = static_cast<double>(values.size(-2));
    const auto [shorter, longer] = std::minmax(columns, rows);
    // Pixels are enlarged by a whole factor, and a narrow picture's longer side stays below four pictures.
    const double wanted = figure.picture_mm * figure.dpi / 25.4;
    double zoom = std::max(std::floor(std::min(wanted / shorter + 0.5, kLongest * wanted / longer)), 1.0);
    if (zoom * longer > kMostPixels) zoom = kMostPixels / longer;  // more would not be seen
    const double mm = zoom * 25.4 / figure.dpi;
    width_ = std::max(columns * mm, 25.4 / figure.dpi);
    height_ = std::max(rows * mm, 25.4 / figure.dpi);
    bar_ = {picture.low, picture.high, picture.scale == Picture::Scale::log_map,
            picture.scale == Picture::Scale::grey, picture.bar_label};
  }

  PanelExtent extent() const override {
    const double height = picture_.bar ? std::max(height_, kMinBar) : height_;
    return {width_, height, 0.0, picture_.bar ? bar_.room() : 0.0, 0.0, 0.0};
  }

  void draw(Drawing& drawing, Point at) const override {
    const int64_t columns = picture_.values.size(-1), rows = picture_.values.size(-2);
    drawing.picture({at.x, at.y, width_, height_}, picture_colours(picture_), columns, rows);
    if (picture_.frame) {
      const double scale_x = width_ / static_cast<double>(columns),
                   scale_y = height_ / static_cast<double>(rows);
      const Picture::Frame& f = *picture_.frame;
      drawing.frame({at.x + static_cast<double>(f.x) * scale_x, at.y + static_cast<double>(f.y) * scale_y,
                     static_cast<double>(f.width) * scale_x, static_cast<double>(f.height) * scale_y},
                    0.35, series_colour(4));
    }
    if (picture_.bar) bar_.draw(drawing, {at.x + width_, at.y}, extent().height);
  }

 private:
  const Picture& picture_;
  double width_ = 0.0, height_ = 0.0;
  ColourBar bar_;
};

// The least and the greatest finite value; 0 and 1 where there is none.
std::pair<double, double> finite_range(const Tensor& values) {
  double low = INFINITY, high = -INFINITY;
  for (const double v : values.to_doubles()) {
    if (!std::isfinite(v)) continue;
    low = std::min(low, v);
    high = std::max(high, v);
  }
  return low <= high ? std::pair{low, high} : std::pair{0.0, 1.0};
}

}  // namespace

std::vector<Colour> picture_colours(const Picture& picture) {
  const bool grey = picture.scale == Picture::Scale::grey,
             logarithmic = picture.scale == Picture::Scale::log_map;
  std::vector<Colour> colours;
  colours.reserve(static_cast<size_t>(checked(picture.values).numel()));
  dispatch_floating(picture.values.dtype(), "figure", [&]<class T>() {
    for (const T value : picture.values.span<const T>()) {
      const double share = share_of(static_cast<double>(value), picture.low, picture.high, logarithmic);
      colours.push_back(colour_at(share, grey));
    }
  });
  return colours;
}

double ColourBar::room() const {
  double numbers = 0.0;
  for (const Tick& tick : bar_ticks(*this, 60.0))
    numbers = std::max(numbers, text_width(tick.text, kTickPoints));
  const double text = label.empty() ? 0.0 : kBarLabelGap + 1.3 * kCapital * kTextPoints;
  return kBarGap + kBarWidth + kNumberGap + numbers + text;
}

void ColourBar::draw(Drawing& drawing, Point at, double height) const {
  constexpr int64_t kSteps = 64;
  std::vector<Colour> colours;
  for (int64_t i = 0; i < kSteps; ++i) {
    const double t = 1.0 - (static_cast<double>(i) + 0.5) / static_cast<double>(kSteps);
    colours.push_back(colour_at(high > low ? t : 0.5, grey));
  }
  const Box box{at.x + kBarGap, at.y, kBarWidth, height};
  drawing.picture(box, colours, 1, kSteps);
  drawing.frame(box, kHairline, kInk);
  double widest = 0.0;
  for (const Tick& tick : bar_ticks(*this, height)) {
    const double y = at.y + (1.0 - tick.share) * height, capital = kCapital * kTickPoints;
    drawing.line(std::array{Point{box.right(), y}, Point{box.right() + 0.6, y}}, kHairline, kInk);
    // The numbers at the ends stay beside the bar.
    const double baseline = std::clamp(y + capital / 2.0, at.y + capital, at.y + height);
    drawing.text({box.right() + kNumberGap, baseline}, tick.text, kTickPoints);
    widest = std::max(widest, text_width(tick.text, kTickPoints));
  }
  if (!label.empty()) drawing.upward_text({at.x + room(), at.y + height / 2.0}, label, kTextPoints);
}

Picture Picture::grey(Tensor values, double low, double high) {
  Picture picture;
  picture.values = std::move(values);
  picture.low = low, picture.high = high;
  return picture;
}

Picture Picture::map(Tensor values, std::string bar_label) {
  const auto [low, high] = finite_range(values);
  return {std::move(values), Scale::map, low, high, true, std::move(bar_label), {}};
}

Picture Picture::log_map(Tensor values, std::string bar_label) {
  const LogRange range = log_range(values);
  return {std::move(values), Scale::log_map, range.low, range.high, true, std::move(bar_label), {}};
}

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

std::unique_ptr<PanelView> picture_view(const Picture& picture, const Figure& figure) {
  return std::make_unique<PictureView>(picture, figure);
}

}  // namespace primal
