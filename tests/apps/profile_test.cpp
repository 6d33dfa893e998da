// What `primal profile` is made of: statistics, ranges, measurements of ops and of runs, traces.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "apps/ops/register_ops.h"
#include "apps/plans/plan_file.h"
#include "apps/profile/device_hold.h"
#include "apps/profile/measure_op.h"
#include "apps/profile/roofs.h"
#include "apps/profile/run_profile.h"
#include "apps/profile/self_time.h"
#include "apps/profile/statistics.h"
#include "apps/profile/trace.h"
#include "apps/profile/training_step.h"
#include "apps/profile/tune.h"
#include "apps/shell/machine_load.h"
#include "support/temporary_folder.h"
#include "tensor/error.h"

namespace primal {
namespace {

const OpInfo& op(const char* name) { return *registered_ops().find(name); }

TEST(Statistics, MedianAndQuartilesByHand) {
  const Summary s = summarise({5.0, 1.0, 2.0, 4.0, 3.0});
  EXPECT_EQ(s.median, 3.0);
  EXPECT_EQ(s.low, 2.0);
  EXPECT_EQ(s.high, 4.0);
  EXPECT_EQ(s.best, 1.0);
  EXPECT_NEAR(s.spread(), 1.0 / 3.0, 1e-15);
  EXPECT_EQ(summarise({1.0, 2.0}).median, 1.5);
  EXPECT_EQ(summarise({}).n, 0);
}

TEST(SelfTime, IsWhatARangeTakesWithoutThoseInside) {
  // a [0, 10] holds b [1, 4] and c [5, 9], which holds d [6, 8]; another thread has e [0, 3].
  const std::vector<RangeRecord> records = {{"b", 1, 1.0, 3.0, 0},
                                            {"d", 2, 6.0, 2.0, 0},
                                            {"e", 0, 0.0, 3.0, 1},
                                            {"c", 1, 5.0, 4.0, 0},
                                            {"a", 0, 0.0, 10.0, 0}};
  const std::vector<SelfTime> self = self_times(records);
  const std::vector<double> expected = {3.0, 2.0, 3.0, 2.0, 3.0};
  for (size_t i = 0; i < self.size(); ++i) EXPECT_EQ(self[i].self_us, expected[i]) << records[i].name;
  EXPECT_TRUE(self[4].has_children);
  EXPECT_FALSE(self[2].has_children);
}

TEST(MeasureOp, EveryImplementationInEveryPhaseJudgedAgainstTheReference) {
  const OpCase stage = at_size(op("conv3d").stages[1], 64);  // e0b
  EXPECT_EQ(stage.inputs[0].shape, (Shape{1, 32, 1, 64, 64}));
  EXPECT_EQ(stage.inputs[1].shape, (Shape{32, 32, 1, 3, 3}));
  const std::vector<OpMeasurement> rows = measure_op(op("conv3d"), stage, {.rounds = 2, .min_time_ms = 0.0});
  const std::string geometry = "n1 c32 o32 d1 h64 w64 k1,3,3 s1,1,1 p0,1,1";
  const size_t n_implementations = op("conv3d").geometry.supporting(geometry, Device::Kind::cpu).size();
  EXPECT_GE(n_implementations, 3u);
  ASSERT_EQ(rows.size(), 3 * n_implementations);  // in three phases
  int chosen = 0;
  for (const OpMeasurement& row : rows) {
    EXPECT_TRUE(row.ok) << row.phase << " " << row.implementation << " " << row.error;
    EXPECT_EQ(row.judged, row.implementation != "reference");
    EXPECT_EQ(row.ms.n, 2);
    EXPECT_GT(row.ms.median, 0.0);
    EXPECT_EQ(row.cost.flops, 2.0 * 32 * 9 * 32 * 64 * 64);
    EXPECT_EQ(row.geometry, geometry);
    chosen += row.chosen;
  }
  EXPECT_EQ(chosen, 3);
  const auto only = measure_op(op("conv3d"), stage, {.rounds = 1, .min_time_ms = 0.0}, {"winograd"});
  ASSERT_EQ(only.size(), 3u);
  EXPECT_EQ(only[0].implementation, "winograd");
}

TEST(MeasureOp, TheFirstConvolutionHasNoGradientOfThePicture) {
  for (const OpMeasurement& row :
       measure_op(op("conv3d"), at_size(op("conv3d").stages[0], 32), {.rounds = 1, .min_time_ms = 0.0}))
    EXPECT_NE(row.phase, "backward_data");
}

TEST(MeasureOp, EveryOpWithShapesOfItsOwnCanBeMeasured) {
  for (const OpInfo& info : registered_ops().ops()) {
    if (info.cost == nullptr || info.stages.empty() || info.name == "conv3d" || info.name == "adam") continue;
    const std::vector<OpMeasurement> rows =
        measure_op(info, at_size(info.stages[0], 64), {.rounds = 1, .min_time_ms = 0.0});
    std::set<std::string> phases;
    for (const OpMeasurement& row : rows) {
      EXPECT_TRUE(row.ok) << info.name << " " << row.implementation;
      phases.insert(row.phase);
    }
    EXPECT_EQ(phases.count("forward"), 1u) << info.name;
    const auto is_backward = [](const std::string& phase) { return phase.starts_with("backward"); };
    EXPECT_EQ(std::ranges::any_of(phases, is_backward), info.differentiable) << info.name;
  }
  EXPECT_THROW(measure_op(op("thesis_model"), op("thesis_model").corner_cases[0], {}), ConfigError);
}

TrainingStepOptions small_step() {
  TrainingStepOptions options;
  options.model.unet.filters = 4;
  options.model.unet.blocks = 1;
  options.model.n_iter = 8;
  options.size = 48;
  return options;
}

TEST(RunProfile, NearlyAllOfAStepIsAccountedForByNamedRanges) {
  TrainingStep step(small_step());
  const RunProfile profile = profile_run("step", 3, Device{}, [&] { step.run(); });
  EXPECT_GT(profile.accounted, 0.6);  // of a step of a millisecond; the thesis step reaches 0.99
  EXPECT_LE(profile.accounted, 1.0 + 1e-9);
  std::set<std::string> names;
  for (const RunProfileRow& row : profile.rows) names.insert(row.op + " " + row.phase + " " + row.layer);
  for (const char* name : {"data forward ", "zero_grad forward ", "adam forward ", "mse_loss forward ",
                           "mse_loss backward ", "pdhg forward ", "pdhg backward ", "conv3d forward cnn.c1x1",
                           "conv3d_leaky_relu forward cnn.c0x0.conv_block.0",
                           "conv3d_leaky_relu backward_weights cnn.c0x0.conv_block.0",
                           "conv3d_leaky_relu backward_data cnn.decoder.0.double_conv.conv_block.0",
                           "max_pool3d backward cnn.encoder.0", "upsample3d forward cnn.decoder.0",
                           "conv3d_leaky_relu forward cnn.c0x0.conv_block.2"})
    EXPECT_TRUE(names.count(name) > 0) << name;
  EXPECT_EQ(names.count("conv3d_leaky_relu backward_data cnn.c0x0.conv_block.0"),
            0u);  // the picture needs no gradient
  const auto& pdhg = *std::ranges::find_if(
      profile.rows, [](const RunProfileRow& row) { return row.op == "pdhg" && row.phase == "forward"; });
  EXPECT_EQ(pdhg.cost.flops, 23.0 * 48 * 48 * 8);
  double sum = 0.0;
  for (const RunProfileRow& row : by_op(profile)) sum += row.ms.median;
  double of_layers = 0.0;
  for (const RunProfileRow& row : profile.rows) of_layers += row.ms.median;
  EXPECT_NEAR(sum, of_layers, 1e-9);
}

TEST(Trace, IsNestedAndNamesItsProcess) {
  TrainingStep step(small_step());
  const RunProfile profile = profile_run("step", 1, Device{}, [&] { step.run(); });
  const nlohmann::json trace = nlohmann::json::parse(trace_events(profile.records, "test").dump());
  struct Event {
    double begin, end;
  };
  std::map<int, std::vector<Event>> threads;
  int names = 0, with_flops = 0;
  for (const nlohmann::json& e : trace.at("traceEvents")) {
    EXPECT_EQ(e.at("pid"), 1);
    if (e.at("ph") == "M") {
      ++names;
      EXPECT_TRUE(e.at("args").at("name").is_string());
      continue;
    }
    EXPECT_EQ(e.at("ph"), "X");
    EXPECT_FALSE(e.at("name").get<std::string>().empty());
    const double ts = e.at("ts").get<double>(), dur = e.at("dur").get<double>();
    EXPECT_GE(ts, 0.0);
    EXPECT_GE(dur, 0.0);
    threads[e.at("tid").get<int>()].push_back({ts, ts + dur});
    with_flops += e.at("args").contains("GFLOP/s");
  }
  EXPECT_GE(names, 2);
  EXPECT_GT(with_flops, 20);
  for (const auto& [thread, events] : threads) {
    for (const Event& a : events) {
      for (const Event& b : events) {  // apart, or one inside the other
        const bool apart = a.end <= b.begin || b.end <= a.begin;
        const bool inside = (a.begin <= b.begin && b.end <= a.end) || (b.begin <= a.begin && a.end <= b.end);
        EXPECT_TRUE(apart || inside) << a.begin << " " << a.end << " " << b.begin << " " << b.end;
      }
    }
  }
}

}  // namespace
}  // namespace primal
