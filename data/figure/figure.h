// Figures: charts, pictures and tables of counts in a grid of panels, as PNG, SVG or PDF, and their data as
// CSV.
//
//   Figure f{.rows = {{Panel{"PSNR", chart}, Panel{"noisy", Picture::grey(z)}}}};
//   write_figure("scores.pdf", f);
//
// A Figure describes what is to be seen; drawing happens in render() and write_figure(), with cairo. Lengths
// are in millimetres, sizes of text in points (1 pt = 25.4/72 mm) and dpi is pixels per inch of a PNG, which
// has round(millimetres * dpi / 25.4) pixels a side and states its density; SVG and PDF have the same size in
// millimetres. Text is set in DejaVu Sans, or in the sans-serif font that fontconfig has in its place. The
// same figure gives the same bytes: a PDF carries the date of SOURCE_DATE_EPOCH, or 2000-01-01 without it.
//
// Ticks stand at round values. Charts need a label with its unit at both axes ("PSNR / dB", "step"). Series
// have the colours of Okabe and Ito, which readers with a colour vision deficiency tell apart, and beyond
// seven another shape or dash. The legend is below the axes, so that it covers no data. Values that are not
// finite are left out of charts (zero and below too on a logarithmic axis) and are magenta in pictures; a
// chart without any value left shows empty axes and says so.
//
// Errors:  ShapeError for a figure without panels, series whose x and y differ in length, an axis without a
//          label, a picture that is not one picture [..., H, W] of f32 or f64, a confusion matrix whose rows
//          do not fit its labels, or a size that no file can hold; ConfigError for a file name without one of
//          the three endings; IoError where fontconfig finds no font, and for what the file system refuses.
// Source:  M. Okabe, K. Ito, "Color Universal Design", 2008; J. W. Tukey, "Exploratory Data
//          Analysis", 1977 (box plots).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tensor/tensor.h"

namespace primal {

// A curve, or with `step` a staircase that keeps each y until the next x. A mark is a dot on one point,
// explained in the legend.
struct Line {
  std::vector<double> x = {}, y = {};
  std::string name = {};  // in the legend, where it is not empty
  bool step = false;
  std::optional<size_t> mark = {};
  std::string mark_name = {};
  bool guide = false;  // thin, dashed and without a colour: not data, but what data are read against
};

// Dots: a scatter plot.
struct Points {
  std::vector<double> x = {}, y = {};
  std::string name = {};
};

// Bar i reaches from left[i] to right[i] and from 0 (on a logarithmic axis from its lower end) to height[i].
struct Bars {
  std::vector<double> left = {}, right = {}, height = {};
  std::string name = {};
  bool map_colours = false;  // each in the colour that a picture's map has for its middle
};
// Counts of the finite values in n_bins bins of equal width from the least to the greatest of them.
Bars histogram(const std::vector<double>& values, int64_t n_bins, const std::string& name = {});
// A bar at 1, 2, ... for each height, for an axis with categories. Several series share the
// place: this is number i of n.
Bars category_bars(const std::vector<double>& heights, const std::string& name = {}, size_t i = 0,
                   size_t n = 1);

// Box i at x = i + 1: median and quartiles, whiskers to the last values within 1.5 times the box, dots for
// those beyond, and a diamond at the mean. Quantiles lie linearly between neighbours.
struct Boxes {
  std::vector<std::vector<double>> values;
};
struct BoxStatistics {
  double low_whisker, low_quartile, median, high_quartile, high_whisker, mean;
  std::vector<double> outliers;
};
std::optional<BoxStatistics> box_statistics(
    const std::vector<double>& values);  // none without a finite value

// A dashed line across the chart, to compare with.
struct Level {
  double value;
  std::string name;
  bool vertical = false;
};

using Layer = std::variant<Line, Points, Bars, Boxes, Level>;

struct AxisOptions {
  std::string label = {};  // with the unit
  bool logarithmic = false;
  std::optional<double> low = {}, high = {};  // ends; from the values where not given
  std::vector<std::string> categories = {};   // names at 1, 2, ... in place of numbers
};

struct Chart {
  AxisOptions x = {}, y = {};
  std::vector<Layer> layers = {};
  // The lowest tenth of the lines' values does not get more than half of the height: a first dip is cut off
  // below.
  bool clip_low = false;
};

// A picture in grey, or a map in colour. Each pixel is a square of whole pixels of the PNG and nothing is
// smoothed, up to 2048 pixels a side; larger ones are averaged.
struct Picture {
  enum class Scale { grey, map, log_map };
  Tensor values = {};  // [..., H, W]
  Scale scale = Scale::grey;
  double low = 0.0, high = 1.0;  // grey: black and white; maps: the ends of the bar
  bool bar = false;              // with a colour bar at the right
  std::string bar_label = {};    // its quantity and unit
  struct Frame {
    int64_t x, y, width, height;  // pixels
  };
  std::optional<Frame> frame = {};  // a rectangle around a detail

  static Picture grey(Tensor values, double low = 0.0, double high = 1.0);
  // On a linear scale from the least to the greatest finite value; on a logarithmic one over log_range().
  static Picture map(Tensor values, std::string bar_label);
  static Picture log_map(Tensor values, std::string bar_label);
};

// The ends of a logarithmic scale for these values: the 1st and 99th percentile of those that are
// positive (a few outliers would take the colours from all others), at most four decades apart;
// where none is, 1e-4 and 1.
struct LogRange {
  double low, high;
};
LogRange log_range(const Tensor& values);

// Counts, and their share of the row: counts[i][j] of true class i, predicted as j.
struct Confusion {
  std::vector<std::string> labels;
  std::vector<std::vector<int64_t>> counts;
};

struct Panel {
  std::string title;  // may have several lines
  std::variant<Chart, Picture, Confusion> content;
};

struct Figure {
  std::vector<std::vector<Panel>> rows;
  double chart_width_mm = 72.0, chart_height_mm = 50.0;  // of the axes' box
  double picture_mm = 46.0;                              // about, of a picture's shorter side
  double dpi = 150.0;
};

enum class FigureFormat { png, svg, pdf };
FigureFormat figure_format(const std::filesystem::path& file);  // by the name's ending, in any case
const char* ending_of(FigureFormat format);                     // ".png"

struct FigureSize {
  double width_mm, height_mm;
};
FigureSize size_of(const Figure& figure);

// The bytes of the file.
std::vector<uint8_t> render(const Figure& figure, FigureFormat format);
// In the format of the name's ending; a whole file or none (data/file/file.h).
void write_figure(const std::filesystem::path& file, const Figure& figure);

// Everything that the figure shows as a table of CSV (RFC 4180), a row for each point, bar, value or count:
// panel (row.column, from 1), title, kind, series, x, x_end, y, value. Numbers are the shortest
// that give the same double.
std::string figure_csv(const Figure& figure);

}  // namespace primal
