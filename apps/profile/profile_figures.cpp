#include "apps/profile/profile_figures.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>

#include "apps/profile/row_text.h"

namespace primal {
namespace {

constexpr size_t kNamedOps = 6;  // these and the others have a colour each
constexpr double kChartWidth = 110.0, kChartHeight = 80.0;

struct Point {
  double intensity, gflop_s;
};

// None for what does no arithmetic, moves nothing or takes no time.
bool can_show(const Cost& cost, double ms) { return cost.flops > 0.0 && cost.bytes > 0.0 && ms > 0.0; }
Point point_of(const Cost& cost, double ms) { return {cost.flops / cost.bytes, 1e-6 * cost.flops / ms}; }

// The roofs over the intensities of the points, and a little beyond.
Chart roofline(const std::vector<Points>& groups, const Roofs& roofs) {
  double low = 0.1, high = 100.0;
  for (const Points& group : groups) {
    for (const double x : group.x) {
      low = std::min(low, 0.7 * x);
      high = std::max(high, 1.4 * x);
    }
  }
  Chart chart{
      .x = {.label = "arithmetic intensity / FLOP per byte", .logarithmic = true, .low = low, .high = high},
      .y = {.label = "GFLOP/s", .logarithmic = true}};
  for (const Points& group : groups) {
    if (!group.x.empty()) chart.layers.push_back(group);
  }
  const double fma = roofs.fma_all.best;
  for (const BandwidthRoof& level : roofs.bandwidth) {
    if (level.best() <= 0.0) continue;
    const double knee = std::clamp(fma / level.best(), low, high);
    chart.layers.push_back(Line{.x = {low, knee},
                                .y = {std::min(fma, low * level.best()), std::min(fma, knee * level.best())},
                                .name = fmt::format("{}: {:.0f} GB/s", level.level, level.best()),
                                .guide = true});
  }
  chart.layers.push_back(Level{fma, fmt::format("multiply-adds: {:.0f} GFLOP/s", fma)});
  return chart;
}

}  // namespace

Figure run_figure(const RunProfile& profile, const Roofs& roofs) {
  const std::vector<RunProfileRow> ops = by_op(profile);
  std::map<std::string, size_t> group_of;
  std::vector<Points> groups;
  Chart times{.x = {.label = "op, slowest first"}, .y = {.label = "time of a run / ms", .low = 0.0}};
  double rest = 0.0;
  for (size_t i = 0; i < ops.size(); ++i) {
    const std::string name = name_of(ops[i]);
    group_of[name] = std::min(i, kNamedOps);
    if (i >= kNamedOps) {
      rest += ops[i].ms.median;
      continue;
    }
    groups.push_back({{}, {}, fmt::format("{} ({:.1f} %)", name, 100.0 * ops[i].share)});
  }
  if (ops.size() > kNamedOps) groups.push_back({{}, {}, fmt::format("{} others", ops.size() - kNamedOps)});
  for (const RunProfileRow& row : profile.rows) {
    if (!can_show(row.cost, row.ms.median)) continue;
    const Point point = point_of(row.cost, row.ms.median);
    Points& group = groups.at(group_of.at(name_of(row)));
    group.x.push_back(point.intensity);
    group.y.push_back(point.gflop_s);
  }
  for (size_t i = 0; i < groups.size(); ++i) {
    const double at = static_cast<double>(i) + 1.0;
    times.layers.push_back(
        Bars{{at - 0.4}, {at + 0.4}, {i < kNamedOps ? ops[i].ms.median : rest}, groups[i].name, false});
    times.x.categories.push_back(i < kNamedOps ? fmt::format("{}", i + 1) : "rest");
  }
  return {.rows = {{Panel{"each layer under the roofs", roofline(groups, roofs)}},
                   {Panel{fmt::format("where the {:.1f} ms go", profile.wall_ms.median), times}}},
          .chart_width_mm = kChartWidth,
          .chart_height_mm = kChartHeight};
}

Figure ops_figure(const std::vector<std::vector<OpMeasurement>>& tables, const Roofs& roofs) {
  std::vector<std::string> implementations;
  std::vector<std::pair<std::string, std::string>> columns;  // case, phase
  for (const auto& table : tables) {
    for (const OpMeasurement& row : table) {
      if (std::ranges::count(implementations, row.implementation) == 0)
        implementations.push_back(row.implementation);
      const std::pair column(row.op + " " + row.op_case, row.phase);
      if (std::ranges::count(columns, column) == 0) columns.push_back(column);
    }
  }
  std::vector<Points> groups;
  Chart times{.x = {.label = "case and phase"}, .y = {.label = "ms", .logarithmic = true}};
  for (const auto& [name, phase] : columns) times.x.categories.push_back(name + ", " + phase);
  for (size_t i = 0; i < implementations.size(); ++i) {
    Points points{{}, {}, implementations[i]};
    std::vector<double> heights(columns.size(), std::nan(""));
    for (const auto& table : tables) {
      for (const OpMeasurement& row : table) {
        if (row.implementation != implementations[i]) continue;
        const std::pair column(row.op + " " + row.op_case, row.phase);
        heights[static_cast<size_t>(std::ranges::find(columns, column) - columns.begin())] = row.ms.median;
        if (!can_show(row.cost, row.ms.median)) continue;
        points.x.push_back(point_of(row.cost, row.ms.median).intensity);
        points.y.push_back(point_of(row.cost, row.ms.median).gflop_s);
      }
    }
    groups.push_back(points);
    times.layers.push_back(category_bars(heights, implementations[i], i, implementations.size()));
  }
  const double width = std::max(kChartWidth, 24.0 * static_cast<double>(columns.size()));
  return {.rows = {{Panel{"each implementation under the roofs", roofline(groups, roofs)}},
                   {Panel{"time of each implementation", times}}},
          .chart_width_mm = width,
          .chart_height_mm = kChartHeight};
}

}  // namespace primal
