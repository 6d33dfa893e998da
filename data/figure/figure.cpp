// The grid of panels. Contents in one column begin at the same x and contents in one row at the same y,
// whatever numbers and labels are around them.
#include "data/figure/figure.h"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <string_view>

#include "data/figure/drawing.h"
#include "data/figure/panel_view.h"
#include "data/file/file.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr double kMargin = 3.0, kColumnGap = 5.0, kRowGap = 4.0;  // mm
constexpr double kTitleLine = 1.25 * kTitlePoints * kPoint, kTitleGap = 1.4;

std::vector<std::string_view> lines_of(std::string_view title) {
  std::vector<std::string_view> lines;
  while (!title.empty()) {
    const size_t end = std::min(title.find('\n'), title.size());
    lines.push_back(title.substr(0, end));
    title.remove_prefix(std::min(end + 1, title.size()));
  }
  return lines;
}

struct Laid {
  const Panel* panel;
  std::unique_ptr<PanelView> view;
  PanelExtent extent;
};

Laid lay_out(const Panel& panel, const Figure& figure) {
  Laid laid{&panel, nullptr, {}};
  if (const auto* chart = std::get_if<Chart>(&panel.content)) laid.view = chart_view(*chart, figure);
  if (const auto* picture = std::get_if<Picture>(&panel.content)) laid.view = picture_view(*picture, figure);
  if (const auto* counts = std::get_if<Confusion>(&panel.content)) laid.view = confusion_view(*counts);
  PanelExtent& e = laid.extent = laid.view->extent();
  const std::vector<std::string_view> lines = lines_of(panel.title);
  for (const std::string_view line : lines)
    e.right = std::max(e.right, text_width(line, kTitlePoints) - e.width);
  if (!lines.empty()) e.top += kTitleGap + kTitleLine * static_cast<double>(lines.size());
  return laid;
}

class Grid {
 public:
  explicit Grid(const Figure& figure) {
    for (const std::vector<Panel>& row : figure.rows) {
      rows_.emplace_back();
      columns_.resize(std::max(columns_.size(), row.size()));
      Band band;
      for (size_t c = 0; c < row.size(); ++c) {
        rows_.back().push_back(lay_out(row[c], figure));
        const PanelExtent& e = rows_.back().back().extent;
        columns_[c].take(e.left, e.width, e.right);
        band.take(e.top, e.height, e.bottom);
      }
      bands_.push_back(band);
    }
    if (columns_.empty()) throw ShapeError("[figure] has no panels");
  }

  FigureSize size() const {
    return {2.0 * kMargin + total(columns_, kColumnGap), 2.0 * kMargin + total(bands_, kRowGap)};
  }

  void draw(Drawing& drawing) const {
    double y = kMargin;
    for (size_t r = 0; r < rows_.size(); ++r) {
      double x = kMargin;
      for (size_t c = 0; c < rows_[r].size(); ++c) {
        const Laid& laid = rows_[r][c];
        const Point at{x + columns_[c].before, y + bands_[r].before};
        double baseline = at.y - laid.extent.top + kTitlePoints * kPoint;
        for (const std::string_view line : lines_of(laid.panel->title)) {
          drawing.text({at.x, baseline}, line, kTitlePoints);
          baseline += kTitleLine;
        }
        laid.view->draw(drawing, at);
        x += columns_[c].length() + kColumnGap;
      }
      y += bands_[r].length() + kRowGap;
    }
  }

 private:
  // The room of a column or row: its largest content, and the most room before and after a content.
  struct Band {
    double before = 0.0, content = 0.0, after = 0.0;
    void take(double b, double c, double a) {
      before = std::max(before, b);
      // A small content with much behind it may lie within a large one.
      after = std::max(content + after, c + a) - std::max(content, c);
      content = std::max(content, c);
    }
    double length() const { return before + content + after; }
  };

  static double total(const std::vector<Band>& bands, double gap) {
    return std::accumulate(bands.begin(), bands.end(), gap * static_cast<double>(bands.size() - 1),
                           [](double sum, const Band& b) { return sum + b.length(); });
  }

  std::vector<std::vector<Laid>> rows_;
  std::vector<Band> columns_, bands_;
};

// All titles, for who searches or cannot see a figure.
std::string titles_of(const Figure& figure) {
  std::string all;
  for (const std::vector<Panel>& row : figure.rows) {
    for (const Panel& panel : row) {
      if (panel.title.empty()) continue;
      all += (all.empty() ? "" : "; ") + panel.title;
    }
  }
  std::ranges::replace(all, '\n', ' ');
  return all;
}

}  // namespace

FigureFormat figure_format(const std::filesystem::path& file) {
  std::string ending = file.extension().string();
  std::ranges::transform(ending, ending.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const FigureFormat format : {FigureFormat::png, FigureFormat::svg, FigureFormat::pdf}) {
    if (ending == ending_of(format)) return format;
  }
  throw ConfigError(
      "[figure] {}: figures are written as PNG, SVG or PDF; give {}, or the same with .svg or .pdf",
      file.string(), std::filesystem::path(file).replace_extension(".png").string());
}

const char* ending_of(FigureFormat format) {
  switch (format) {
    case FigureFormat::png:
      return ".png";
    case FigureFormat::svg:
      return ".svg";
    case FigureFormat::pdf:
      return ".pdf";
  }
  return "";
}

FigureSize size_of(const Figure& figure) { return Grid(figure).size(); }

std::vector<uint8_t> render(const Figure& figure, FigureFormat format) {
  const Grid grid(figure);
  const FigureSize size = grid.size();
  Drawing drawing(format, size.width_mm, size.height_mm, figure.dpi);
  const std::string titles = titles_of(figure);
  drawing.describe(titles.empty() ? "figure" : titles);
  grid.draw(drawing);
  return drawing.bytes();
}

void write_figure(const std::filesystem::path& file, const Figure& figure) {
  write_file_atomically(file, render(figure, figure_format(file)));
}

}  // namespace primal
