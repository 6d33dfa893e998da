// What a figure is drawn with: lines, text and pictures on one page, through cairo. Lengths are in
// millimetres from the upper left corner, sizes of text in points.
// Errors:  IoError without a font, and where cairo fails; ShapeError for a page that cairo cannot hold.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/figure/colour.h"
#include "data/figure/figure.h"

namespace primal {

inline constexpr double kPoint = 25.4 / 72.0;  // mm
inline constexpr double kCapital =
    0.729 * kPoint;  // mm, height of capitals per point of size, in DejaVu Sans

struct Point {
  double x, y;
};

struct Box {
  double x, y, width, height;
  double right() const { return x + width; }
  double bottom() const { return y + height; }
  bool contains(const Point& p) const { return p.x >= x && p.x <= right() && p.y >= y && p.y <= bottom(); }
};

enum class Align { left, centre, right };
enum class Marker { circle, square, triangle, diamond };

// mm. IoError where there is no font.
double text_width(std::string_view text, double points);

class Drawing {
 public:
  Drawing(FigureFormat format, double width_mm, double height_mm, double dpi);
  ~Drawing();
  Drawing(const Drawing&) = delete;
  Drawing& operator=(const Drawing&) = delete;

  // `at` is on the baseline. Text that is not UTF-8, and control characters, become question marks.
  void text(Point at, std::string_view text, double points, Align align = Align::left,
            const Colour& colour = kInk);
  void upward_text(Point at, std::string_view text, double points, Align align = Align::centre);
  // dash: lengths of strokes and gaps, empty for a whole line.
  void line(std::span<const Point> points, double width, const Colour& colour,
            std::span<const double> dash = {});
  void fill(const Box& box, const Colour& colour);
  void frame(const Box& box, double width, const Colour& colour);
  void marker(Point at, Marker shape, double size, const Colour& colour, double opacity = 1.0);
  // colours [height, width] row-major; nothing is smoothed where the picture is enlarged. `box` moves
  // to whole pixels of a PNG.
  void picture(const Box& box, std::span<const Colour> colours, int64_t width, int64_t height);
  // Until the next call, nothing is drawn outside the box.
  void clip(const Box& box);
  void end_clip();

  // The title of a PDF and an SVG; before bytes().
  void describe(const std::string& title);
  // The finished file; nothing can be drawn afterwards.
  std::vector<uint8_t> bytes();

 private:
  struct Cairo;
  std::unique_ptr<Cairo> cairo_;
};

}  // namespace primal
