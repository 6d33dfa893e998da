#include "apps/profile/profile_page.h"

#include <algorithm>
#include <fmt/format.h>

#include "apps/profile/profile_figures.h"
#include "apps/profile/row_text.h"
#include "apps/shell/build_info.h"

namespace primal {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string rate(double amount, double ms) {
  return amount > 0.0 && ms > 0.0 ? short_number(1e-6 * amount / ms) : "";
}
std::string percent(double share) { return fmt::format("{:.1f} %", 100.0 * share); }

void add_machine(Page& page, const ProfileReport& report) {
  page.heading("Machine and roofs");
  const BuildInfo& build = build_info();
  page.paragraph(
      fmt::format("Primal {} ({}), {}. Roofs are the best of several short measurements before and after "
                  "the profile; the spread tells how quiet the machine was.",
                  build.version, build.commit, build.compiler));
  Rows rows;
  const auto add = [&](const std::string& name, const Roof& roof, const char* unit) {
    rows.push_back({name, short_number(roof.best) + " " + unit, short_number(roof.median) + " " + unit,
                    percent(roof.spread)});
  };
  add("multiply-adds, one thread", report.roofs.fma_one, "GFLOP/s");
  add("multiply-adds, all threads", report.roofs.fma_all, "GFLOP/s");
  for (const BandwidthRoof& level : report.roofs.bandwidth) {
    add(level.level + ", reading", level.read, "GB/s");
    add(level.level + ", copying", level.copy, "GB/s");
  }
  page.table({"roof", "best", "median", "spread"}, rows);
}

void add_run(Page& page, const RunProfile& run, const Roofs& roofs) {
  page.heading("Where the time goes");
  page.paragraph(
      fmt::format("Wall time {} ms, the median of {} runs (quartiles {} to {} ms). The rows below explain "
                  "{:.1f} % of it.",
                  short_number(run.wall_ms.median), run.rounds, short_number(run.wall_ms.low),
                  short_number(run.wall_ms.high), 100.0 * run.accounted));
  page.figure(
      run_figure(run, roofs),
      "Above: each layer is a point at its arithmetic intensity and its speed, both counted for the direct "
      "algorithm, so a method with fewer operations may lie above the roof of the multiply-adds. Below: the "
      "time of each op, without the ranges inside it.");
  const auto row_of = [&](const RunProfileRow& row, const std::string& where) {
    const Share share = share_of(row, roofs);
    return std::vector<std::string>{name_of(row),
                                    where,
                                    short_number(row.ms.median),
                                    percent(row.share),
                                    rate(row.cost.flops, row.ms.median),
                                    rate(row.cost.bytes, row.ms.median),
                                    share.share > 0.0 ? percent(share.share) : "",
                                    share.share > 0.0 ? share.binds : ""};
  };
  Rows ops, layers;
  for (const RunProfileRow& row : by_op(run)) {
    ops.push_back({name_of(row), row.implementation, fmt::format("{}", row.calls),
                   short_number(row.ms.median), percent(row.share), rate(row.cost.flops, row.ms.median),
                   rate(row.cost.bytes, row.ms.median)});
  }
  for (const RunProfileRow& row : run.rows) layers.push_back(row_of(row, row.layer));
  page.table({"op", "implementation", "calls", "ms", "time", "GFLOP/s", "GB/s"}, ops);
  page.folded_table(fmt::format("All {} layers", layers.size()),
                    {"op", "layer", "ms", "time", "GFLOP/s", "GB/s", "of roof", "binds"}, layers);
}

void add_implementations(Page& page, const ProfileReport& report) {
  page.heading("Implementations side by side");
  page.paragraph(
      "Every implementation of an op that supports the case, measured in turns, and compared with the op's "
      "reference. A star marks the one that runs when nobody asks for another.");
  page.figure(ops_figure(report.measured, report.roofs),
              "Above: the implementations under the roofs. Below: their times; the axis is logarithmic.");
  Rows rows;
  for (const auto& table : report.measured) {
    for (const OpMeasurement& row : table) {
      const Share share = report.roofs.share_of(row.cost, row.ms.median);
      rows.push_back({row.op + " " + row.op_case, row.phase, row.implementation + (row.chosen ? " *" : ""),
                      short_number(row.ms.median), percent(row.ms.spread()),
                      rate(row.cost.flops, row.ms.median), rate(row.cost.bytes, row.ms.median),
                      percent(share.share), share.binds,
                      row.judged ? fmt::format("{:.1e}{}", row.error, row.ok ? "" : " WRONG") : ""});
    }
  }
  page.table(
      {"case", "phase", "implementation", "ms", "spread", "GFLOP/s", "GB/s", "of roof", "binds", "error"},
      rows);
}

}  // namespace

Page profile_page(const ProfileReport& report) {
  Page page(report.title, report.command);
  for (const std::string& doubt : report.doubts)
    page.warning(doubt + ". These times and shares are not to be trusted: measure again on a quiet machine.");
  if (report.run) add_run(page, *report.run, report.roofs);
  if (!report.measured.empty()) add_implementations(page, report);
  add_machine(page, report);
  return page;
}

}  // namespace primal
