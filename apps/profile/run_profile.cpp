#include "apps/profile/run_profile.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "apps/profile/device_hold.h"
#include "apps/profile/self_time.h"

namespace primal {
namespace {

constexpr double kHoldOfRunMs = 5.0;  // longer than the host takes to queue a training step

using RowKey = std::tuple<std::string, std::string, std::string>;  // op, phase, layer

struct Gathered {
  RunProfileRow row;
  std::map<int, double> ms;  // by round
};

// Adds a round to the rows; returns the milliseconds they account for.
double gather(const std::vector<RangeRecord>& records, int round, std::map<RowKey, Gathered>& rows) {
  const std::vector<SelfTime> self = self_times(records);
  double accounted = 0.0;
  for (size_t i = 0; i < records.size(); ++i) {
    const RangeRecord& r = records[i];
    const bool frame = self[i].has_children && r.detail.cost.bytes == 0.0;
    if (frame) continue;
    Gathered& g = rows[{r.op, phase_of(r), r.layer}];
    if (g.ms.count(round) == 0) {  // counts are those of the last round
      g.row = {r.op, phase_of(r), r.layer, r.detail.geometry, r.detail.implementation, 0, {}, 0.0, {}};
    }
    const double ms = 1e-3 * self[i].self_us;
    g.ms[round] += ms;
    ++g.row.calls;
    g.row.cost += r.detail.cost;
    accounted += ms;
  }
  return accounted;
}

bool slower(const RunProfileRow& a, const RunProfileRow& b) { return a.ms.median > b.ms.median; }

}  // namespace

RunProfile profile_run(const char* name, int rounds, Device device, const std::function<void()>& body) {
  body();
  body();
  std::map<RowKey, Gathered> rows;
  std::vector<double> walls, accounted;
  std::vector<std::vector<RangeRecord>> records;
  const DeviceHold hold(device, kHoldOfRunMs);
  for (int round = 0; round < rounds; ++round) {
    hold.begin();
    const RangeRecorder recorder(device);
    {
      const Range range(name);
      body();
    }
    records.push_back(recorder.records());
    const double wall = 1e-3 * records.back().back().duration_us;  // the outermost closes last
    walls.push_back(wall);
    accounted.push_back(gather(records.back(), round, rows) / std::max(wall, 1e-9));
  }
  RunProfile profile;
  profile.rounds = rounds;
  profile.wall_ms = summarise(walls);
  profile.accounted = summarise(accounted).median;
  for (auto& [key, gathered] : rows) {
    std::vector<double> times;
    for (const auto& [round, ms] : gathered.ms) times.push_back(ms);
    gathered.row.ms = summarise(times);
    gathered.row.share = gathered.row.ms.median / std::max(profile.wall_ms.median, 1e-9);
    profile.rows.push_back(gathered.row);
  }
  std::ranges::sort(profile.rows, slower);
  const auto nearest = std::ranges::min_element(
      walls, {}, [&](double wall) { return std::abs(wall - profile.wall_ms.median); });
  if (nearest != walls.end())
    profile.records = std::move(records[static_cast<size_t>(nearest - walls.begin())]);
  return profile;
}

std::vector<RunProfileRow> by_op(const RunProfile& profile) {
  std::map<std::pair<std::string, std::string>, RunProfileRow> sums;
  for (const RunProfileRow& row : profile.rows) {
    RunProfileRow& sum = sums.try_emplace({row.op, row.phase}).first->second;
    sum.op = row.op;
    sum.phase = row.phase;
    if (sum.calls == 0) sum.implementation = row.implementation;
    if (sum.implementation != row.implementation) sum.implementation = "several";
    sum.calls += row.calls;
    sum.ms.median += row.ms.median;
    sum.ms.low += row.ms.low;
    sum.ms.high += row.ms.high;
    sum.ms.best += row.ms.best;
    sum.ms.n = row.ms.n;
    sum.share += row.share;
    sum.cost += row.cost;
  }
  std::vector<RunProfileRow> rows;
  for (auto& [key, row] : sums) rows.push_back(std::move(row));
  std::ranges::sort(rows, slower);
  return rows;
}

}  // namespace primal
