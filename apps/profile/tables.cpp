#include "apps/profile/tables.h"

#include <algorithm>
#include <fmt/core.h>
#include <map>
#include <nlohmann/json.hpp>

#include "apps/profile/row_text.h"

namespace primal {
namespace {

constexpr int kShownLayers = 24;

double gflop_per_second(const Cost& cost, double ms) { return ms > 0.0 ? 1e-6 * cost.flops / ms : 0.0; }
double gb_per_second(const Cost& cost, double ms) { return ms > 0.0 ? 1e-6 * cost.bytes / ms : 0.0; }

std::string percent_or_dash(double share) {
  return share > 0.0 ? fmt::format("{:.0f}%", 100.0 * share) : "-";
}

// What the rows of one op and phase would take at their roofs, in ms, and the roof that most of it is due to.
struct Floor {
  double ms = 0.0;
  std::map<std::string, double> by_roof;

  void add(const Share& share, double ms_taken) {
    ms += share.share * ms_taken;
    by_roof[share.binds] += share.share * ms_taken;
  }
  std::string binds() const {
    const auto most = std::ranges::max_element(by_roof, {}, [](const auto& entry) { return entry.second; });
    return most == by_roof.end() || ms <= 0.0 ? "-" : most->first;
  }
};

void append_by_op(std::string& text, const RunProfile& profile, const Roofs& roofs) {
  std::map<std::string, Floor> floors;
  for (const RunProfileRow& row : profile.rows) floors[name_of(row)].add(share_of(row, roofs), row.ms.median);
  text += fmt::format("{:<34} {:<10} {:>5} {:>8} {:>7} {:>6} {:>8} {:>7} {:>8} {:>6}\n", "op", "by", "calls",
                      "ms", "time", "MB", "GFLOP/s", "GB/s", "of roof", "binds");
  for (const RunProfileRow& row : by_op(profile)) {
    const Floor& floor = floors.at(name_of(row));
    text += fmt::format("{:<34} {:<10} {:>5} {:>8} {:>6.1f}% {:>6} {:>8} {:>7} {:>8} {:>6}\n", name_of(row),
                        row.implementation, row.calls, short_number(row.ms.median), 100.0 * row.share,
                        short_number(1e-6 * row.cost.bytes).substr(0, 6),
                        short_number(gflop_per_second(row.cost, row.ms.median)),
                        short_number(gb_per_second(row.cost, row.ms.median)),
                        percent_or_dash(row.ms.median > 0.0 ? floor.ms / row.ms.median : 0.0), floor.binds());
  }
}

void append_by_layer(std::string& text, const RunProfile& profile, const Roofs& roofs, bool all) {
  text += fmt::format("\n{:<34} {:<38} {:>6} {:>5} {:>7} {:>5} {:>4} {}\n", "op", "layer", "ms", "time",
                      "GFLOP/s", "GB/s", "roof", "binds");
  double rest = 0.0;
  int shown = 0, n_rest = 0;
  for (const RunProfileRow& row : profile.rows) {
    if (!all && shown == kShownLayers) {
      rest += row.ms.median;
      ++n_rest;
      continue;
    }
    ++shown;
    const Share share = share_of(row, roofs);
    text += fmt::format("{:<34} {:<38} {:>6} {:>4.1f}% {:>7} {:>5} {:>4} {}\n", name_of(row), row.layer,
                        short_number(row.ms.median), 100.0 * row.share,
                        short_number(gflop_per_second(row.cost, row.ms.median)),
                        short_number(gb_per_second(row.cost, row.ms.median)), percent_or_dash(share.share),
                        share.binds);
  }
  if (n_rest > 0)
    text += fmt::format("{:<62} {:>6}       (--all shows them)\n", fmt::format("{} rows more", n_rest),
                        short_number(rest));
}

}  // namespace

std::string op_table_header() {
  return fmt::format("{:<16} {:<11} {:>8} {:>4} {:>7} {:>6} {:>8} {:>6} {:>5} {:>6} {:>8}\n", "phase", "by",
                     "ms", "+-", "MFLOP", "MB", "GFLOP/s", "GB/s", "roof", "binds", "error");
}

std::string op_table(const std::vector<OpMeasurement>& rows, const Roofs& roofs) {
  if (rows.empty()) return {};
  std::string text = fmt::format("{} {}", rows.front().op, rows.front().op_case);
  if (rows.front().geometry != rows.front().op_case) text += "   " + rows.front().geometry;
  text += '\n';
  std::string phase;
  for (const OpMeasurement& row : rows) {
    const Share share = roofs.share_of(row.cost, row.ms.median);
    const std::string error = row.judged ? fmt::format("{:.1e}{}", row.error, row.ok ? "" : " WRONG") : "-";
    text += fmt::format("{:<16} {:<11} {:>8} {:>3.0f}% {:>7} {:>6} {:>8} {:>6} {:>5} {:>6} {:>8}\n",
                        phase == row.phase ? "" : row.phase, (row.chosen ? "*" : " ") + row.implementation,
                        short_number(row.ms.median), 100.0 * row.ms.spread(),
                        short_number(1e-6 * row.cost.flops), short_number(1e-6 * row.cost.bytes),
                        short_number(gflop_per_second(row.cost, row.ms.median)),
                        short_number(gb_per_second(row.cost, row.ms.median)), percent_or_dash(share.share),
                        share.binds, error);
    phase = row.phase;
  }
  return text;
}

nlohmann::json to_json(const OpMeasurement& row, const Roofs& roofs) {
  const Share share = roofs.share_of(row.cost, row.ms.median);
  nlohmann::json json = {{"op", row.op},
                         {"case", row.op_case},
                         {"geometry", row.geometry},
                         {"phase", row.phase},
                         {"implementation", row.implementation},
                         {"chosen", row.chosen},
                         {"ms", row.ms.median},
                         {"ms_quartiles", {row.ms.low, row.ms.high}},
                         {"ms_best", row.ms.best},
                         {"n", row.ms.n},
                         {"flops", row.cost.flops},
                         {"bytes", row.cost.bytes},
                         {"gflop_s", gflop_per_second(row.cost, row.ms.median)},
                         {"gb_s", gb_per_second(row.cost, row.ms.median)},
                         {"share_of_roof", share.share},
                         {"binds", share.binds},
                         {"ok", row.ok}};
  if (row.judged) json.update({{"error", row.error}, {"allowed", row.allowed}});
  return json;
}

std::string run_table(const RunProfile& profile, const Roofs& roofs, bool all) {
  std::string text;
  append_by_op(text, profile, roofs);
  append_by_layer(text, profile, roofs, all);
  text += fmt::format("\nwall time {} ms (median of {}, quartiles {} .. {})\n",
                      short_number(profile.wall_ms.median), profile.rounds, short_number(profile.wall_ms.low),
                      short_number(profile.wall_ms.high));
  text += fmt::format("these rows are {:.1f} % of it, {:.1f} % is unaccounted\n", 100.0 * profile.accounted,
                      100.0 * (1.0 - profile.accounted));
  return text;
}

nlohmann::json to_json(const RunProfile& profile, const Roofs& roofs) {
  nlohmann::json rows = nlohmann::json::array();
  for (const RunProfileRow& row : profile.rows) {
    const Share share = share_of(row, roofs);
    rows.push_back({{"op", row.op},
                    {"phase", row.phase},
                    {"layer", row.layer},
                    {"geometry", row.geometry},
                    {"implementation", row.implementation},
                    {"calls", row.calls},
                    {"ms", row.ms.median},
                    {"ms_quartiles", {row.ms.low, row.ms.high}},
                    {"share_of_time", row.share},
                    {"flops", row.cost.flops},
                    {"bytes", row.cost.bytes},
                    {"gflop_s", gflop_per_second(row.cost, row.ms.median)},
                    {"gb_s", gb_per_second(row.cost, row.ms.median)},
                    {"share_of_roof", share.share},
                    {"binds", share.binds}});
  }
  return {{"rounds", profile.rounds},
          {"wall_ms", profile.wall_ms.median},
          {"wall_ms_quartiles", {profile.wall_ms.low, profile.wall_ms.high}},
          {"accounted", profile.accounted},
          {"rows", rows}};
}

}  // namespace primal
