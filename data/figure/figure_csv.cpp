#include <cmath>
#include <fmt/format.h>

#include "data/figure/figure.h"
#include "data/table/table.h"

namespace primal {
namespace {

std::string number(double v) {
  if (std::isnan(v)) return "nan";
  return std::isinf(v) ? (v > 0.0 ? "inf" : "-inf") : fmt::format("{}", v);
}

class Rows {
 public:
  void begin(const std::string& panel, const std::string& title) {
    panel_ = fmt::format("{},{}", panel, csv_field(title));
  }
  void add(const char* kind, const std::string& series, const std::string& x, const std::string& x_end,
           const std::string& y, const std::string& value) {
    fmt::format_to(std::back_inserter(text_), "{},{},{},{},{},{},{}\r\n", panel_, kind, csv_field(series), x,
                   x_end, y, value);
  }
  std::string text() && { return std::move(text_); }

  void operator()(const Line& line) {
    for (size_t i = 0; i < line.x.size(); ++i) {
      add(line.step ? "step" : "line", line.name, number(line.x[i]), "", number(line.y[i]), "");
    }
    if (line.mark && *line.mark < line.x.size())
      add("mark", line.mark_name, number(line.x[*line.mark]), "", number(line.y[*line.mark]), "");
  }
  void operator()(const Points& points) {
    for (size_t i = 0; i < points.x.size(); ++i)
      add("point", points.name, number(points.x[i]), "", number(points.y[i]), "");
  }
  void operator()(const Bars& bars) {
    for (size_t i = 0; i < bars.height.size(); ++i)
      add("bar", bars.name, number(bars.left[i]), number(bars.right[i]), number(bars.height[i]), "");
  }
  void operator()(const Level& level) {
    add("level", level.name, level.vertical ? number(level.value) : "", "",
        level.vertical ? "" : number(level.value), "");
  }
  void boxes(const Boxes& boxes, const AxisOptions& x) {
    for (size_t i = 0; i < boxes.values.size(); ++i) {
      for (const double v : boxes.values[i])
        add("box", i < x.categories.size() ? x.categories[i] : "", fmt::format("{}", i + 1), "", number(v),
            "");
    }
  }
  void operator()(const Chart& chart) {
    for (const Layer& layer : chart.layers) {
      std::visit(
          [&]<class L>(const L& l) {
            if constexpr (std::is_same_v<L, Boxes>)
              boxes(l, chart.x);
            else
              (*this)(l);
          },
          layer);
    }
  }
  void operator()(const Picture& picture) {
    const std::vector<double> values = picture.values.to_doubles();
    const auto width = static_cast<size_t>(picture.values.size(-1));
    for (size_t i = 0; i < values.size(); ++i) {
      add("pixel", picture.bar_label, fmt::format("{}", i % width), "", fmt::format("{}", i / width),
          number(values[i]));
    }
  }
  void operator()(const Confusion& confusion) {
    for (size_t i = 0; i < confusion.counts.size(); ++i) {
      for (size_t j = 0; j < confusion.counts[i].size(); ++j)
        add("count", confusion.labels.at(i), csv_field(confusion.labels.at(j)), "", fmt::format("{}", i + 1),
            fmt::format("{}", confusion.counts[i][j]));
    }
  }

 private:
  std::string text_ = "panel,title,kind,series,x,x_end,y,value\r\n", panel_;
};

}  // namespace

std::string figure_csv(const Figure& figure) {
  Rows rows;
  for (size_t r = 0; r < figure.rows.size(); ++r) {
    for (size_t c = 0; c < figure.rows[r].size(); ++c) {
      const Panel& panel = figure.rows[r][c];
      rows.begin(fmt::format("{}.{}", r + 1, c + 1), panel.title);
      std::visit(rows, panel.content);
    }
  }
  return std::move(rows).text();
}

}  // namespace primal
