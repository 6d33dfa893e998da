// What `primal profile` and `primal tune` are made of.
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

TEST(Roofs, OfADeviceCountMultiprocessorsAndOfAProcessorThreads) {
  Roofs roofs;
  roofs.machine = {"NVIDIA H200", "sm_90", 132, {}, true};
  roofs.fma_one = roofs.fma_all = {60000.0, 59000.0, 0.01};
  EXPECT_EQ(
      roofs_text(roofs).find("NVIDIA H200, sm_90, 132 multiprocessors\nroofs: FMA 60000 GFLOP/s (+-1 %)"), 0u)
      << roofs_text(roofs);
  EXPECT_EQ(roofs_text(roofs).find("thread"), std::string::npos) << roofs_text(roofs);
  EXPECT_EQ(to_json(roofs).dump().find("thread"), std::string::npos) << to_json(roofs).dump();
  EXPECT_EQ(to_json(roofs).at("machine").at("multiprocessors"), 132);
  roofs.machine = {"a processor", "AVX2", 2, {{"L1", 32768, 1}}};
  EXPECT_EQ(roofs_text(roofs).find(
                "a processor, AVX2, 2 threads\nroofs: FMA 60000 GFLOP/s on one thread, 60000 on all (+-1 %)"),
            0u)
      << roofs_text(roofs);
  EXPECT_EQ(to_json(roofs).at("machine").at("threads"), 2);
}

TEST(Machine, SaysWhatItIs) {
  const Machine machine = this_machine();
  EXPECT_FALSE(machine.cpu.empty());
  EXPECT_FALSE(machine.instruction_set.empty());
  EXPECT_GE(machine.threads, 1);
  ASSERT_FALSE(machine.caches.empty());
  for (const CacheLevel& cache : machine.caches) EXPECT_GT(cache.bytes, 0) << cache.name;
}

TEST(Roofs, AreMeasuredAndPositive) {
  const Roofs roofs = measure_roofs({.repetitions = 2, .milliseconds = 0.2});
  EXPECT_GT(roofs.fma_one.best, 0.0);
  EXPECT_GE(roofs.fma_one.best, roofs.fma_one.median);
  EXPECT_GT(roofs.fma_all.best, 0.0);
  ASSERT_EQ(roofs.bandwidth.size(), roofs.machine.caches.size() + 1);
  for (const BandwidthRoof& b : roofs.bandwidth) {
    EXPECT_GT(b.read.best, 0.0) << b.level;
    EXPECT_GT(b.copy.best, 0.0) << b.level;
    EXPECT_GE(b.read.best, b.read.median) << b.level;
  }
  EXPECT_TRUE(std::isinf(roofs.bandwidth.back().capacity));
  EXPECT_EQ(measure_core_round_trip_ns(1), 0.0);
  EXPECT_GT(measure_core_round_trip_ns(2), 1.0);
}

Roofs made_up_roofs() {
  Roofs roofs;
  roofs.fma_all = {100.0, 100.0, 0.0};  // GFLOP/s
  roofs.bandwidth = {{"L2", 1e6, {40.0, 40.0, 0.0}, {50.0, 50.0, 0.0}},
                     {"DRAM", HUGE_VAL, {10.0, 10.0, 0.0}, {8.0, 8.0, 0.0}}};
  return roofs;
}

TEST(Roofs, AreDoubtedWhereACacheIsSlowerThanWhatLiesBehindIt) {
  Roofs roofs = made_up_roofs();
  EXPECT_EQ(doubt_about(roofs), "");
  roofs.bandwidth[0].read.best = roofs.bandwidth[0].copy.best = 9.0;  // within what such measurements vary
  EXPECT_EQ(doubt_about(roofs), "");
  roofs.bandwidth[0].read.best = roofs.bandwidth[0].copy.best = 4.0;
  EXPECT_EQ(doubt_about(roofs), "L2 was measured with 4 GB/s and DRAM, behind it, with 10");
}

TEST(MachineLoad, IsBusyWhereThreadsHadToWait) {
  MachineLoad load{.wall_s = 2.0, .running_s = 3.0, .waiting_s = 0.1, .load_average = 9.0, .processors = 2};
  EXPECT_FALSE(load.busy());  // a load average looks back
  EXPECT_EQ(load.remark(), "");
  load.waiting_s = 1.0;
  EXPECT_TRUE(load.busy());
  EXPECT_EQ(load.waited(), 0.25);
  EXPECT_EQ(load.remark(),
            "busy processors: our threads waited 25 % of their time (load average 9.0, 2 processors)");
  load = {.wall_s = 2.0, .running_s = 3.0, .stolen_s = 1.0, .load_average = 1.0, .processors = 2};
  EXPECT_EQ(load.remark(),
            "busy processors: the host took 25 % of their time (load average 1.0, 2 processors)");
  EXPECT_FALSE(MachineLoad{}.busy());
}

// More threads than processors have to take turns, whatever else the machine does.
TEST(MachineLoad, SeesThreadsThatTakeTurns) {
  const LoadWatch watch;
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 4 * std::max(1U, std::thread::hardware_concurrency()); ++i)
    threads.emplace_back([&] {
      while (!stop) {
      }
    });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const MachineLoad load = watch.so_far();
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(load.running_s, 0.0);
  EXPECT_GT(load.waited(), 0.4);
  EXPECT_NE(load.remark(), "");
}

TEST(Roofs, TheSlowerOfArithmeticAndTrafficBinds) {
  const Roofs roofs = made_up_roofs();
  // 1 GFLOP at 100 GFLOP/s is 10 ms; 0.5 MB from L2 are nothing beside it.
  const Share compute = roofs.share_of({1e9, 5e5}, 20.0);
  EXPECT_EQ(compute.binds, "FMA");
  EXPECT_NEAR(compute.share, 0.5, 1e-12);
  // 0.5 MB at 50 GB/s are 0.01 ms, 20 MB at 10 GB/s are 2 ms.
  EXPECT_EQ(roofs.share_of({0.0, 5e5}, 0.1).binds, "L2");
  EXPECT_NEAR(roofs.share_of({0.0, 5e5}, 0.1).share, 0.1, 1e-12);
  EXPECT_EQ(roofs.share_of({1e6, 2e7}, 4.0).binds, "DRAM");
  EXPECT_NEAR(roofs.share_of({1e6, 2e7}, 4.0).share, 0.5, 1e-12);
}

TEST(Roofs, TheBetterOfTwoMeasurementsCounts) {
  Roofs roofs = made_up_roofs(), again = made_up_roofs();
  again.fma_all.best = 120.0;
  again.bandwidth[0].read.best = 30.0;
  again.bandwidth[1].copy.best = 11.0;
  take_better(roofs, again);
  EXPECT_EQ(roofs.fma_all.best, 120.0);
  EXPECT_EQ(roofs.bandwidth[0].read.best, 40.0);
  EXPECT_EQ(roofs.bandwidth[1].best(), 11.0);
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

PlanFile small_plan() {
  return {"1.2.3",
          Device::Kind::cpu,
          "some machine",
          "some processor",
          "AVX2",
          2,
          {{{"conv3d", "forward", "n1 c16 o16 d1 h32 w32 k1,3,3 s1,1,1 p0,1,1", "winograd"},
            {{"blocked", 2.0}, {"winograd", 1.5}}},
           {{"pdhg", "backward", "n1 d1 h32 w32 axes3,4", "reference"}, {}}}};
}

TEST(PlanFile, IsReadAsItWasWritten) {
  const testing::TemporaryFolder folder;
  write_plan(folder / "plan.json", small_plan());
  const PlanFile back = read_plan(folder / "plan.json", registered_ops());
  EXPECT_EQ(to_json(back), to_json(small_plan()));
  EXPECT_EQ(back.plan()->find("conv3d", "forward", small_plan().entries[0].choice.geometry), "winograd");
  EXPECT_EQ(back.plan()->find("conv3d", "backward_data", small_plan().entries[0].choice.geometry), "");
}

TEST(PlanFile, ForcesWhatRuns) {
  const std::string geometry = "n1 c16 o16 d1 h32 w32 k1,3,3 s1,1,1 p0,1,1";
  const OpCase op_case = op("conv3d").geometry.as_case(geometry);
  const ImplementationScope scope({}, small_plan().plan());
  op("conv3d").run({make_inputs(op_case, DType::f32), op_case.attrs, {}, "planned", {}});
  EXPECT_EQ(scope.choices(),
            (std::vector<ImplementationChoice>{{"conv3d", "forward", geometry, "winograd"}}));
  EXPECT_EQ(to_json(scope.choices())[0].at("implementation"), "winograd");
}

TEST(PlanFile, ErrorsNameFileKeyAndPlace) {
  const testing::TemporaryFolder folder;
  const auto message = [&](const std::function<void(nlohmann::json&)>& spoil) {
    nlohmann::json json = to_json(small_plan());
    spoil(json);
    std::ofstream(folder / "bad.json") << json.dump();
    return testing::message_of<DataError>([&] { read_plan(folder / "bad.json", registered_ops()); });
  };
  const auto expect = [&](const std::string& part, const std::function<void(nlohmann::json&)>& spoil) {
    const std::string text = message(spoil);
    EXPECT_NE(text.find(part), std::string::npos) << part << " in: " << text;
    EXPECT_NE(text.find("bad.json"), std::string::npos) << text;
  };
  using J = nlohmann::json;
  expect("'format'", [](J& j) { j["format"] = "x"; });
  expect("'format'", [](J& j) { j = J::array(); });
  expect("version 1", [](J& j) { j["version"] = 1; });
  expect("build is missing", [](J& j) { j.erase("build"); });
  expect("machine.cpu", [](J& j) { j["machine"]["cpu"] = 3; });
  expect("machine.threads", [](J& j) { j["machine"]["threads"] = 0; });
  expect("device.kind must be cpu or cuda", [](J& j) { j["device"]["kind"] = "simt"; });
  expect("winograd does not support", [](J& j) { j["device"]["kind"] = "cuda"; });
  expect("'entries' must be a list", [](J& j) { j["entries"] = 1; });
  expect("entries[1].op is missing", [](J& j) { j["entries"][1].erase("op"); });
  expect("entries[0].op: unknown op 'conv4d'", [](J& j) { j["entries"][0]["op"] = "conv4d"; });
  expect("one implementation", [](J& j) { j["entries"][0]["op"] = "relu"; });
  expect("no implementation 'magic'; it has: ", [](J& j) { j["entries"][0]["implementation"] = "magic"; });
  expect("has no phase 'sideways'", [](J& j) { j["entries"][0]["phase"] = "sideways"; });
  expect("geometry 'n1'", [](J& j) { j["entries"][0]["geometry"] = "n1"; });
  expect("winograd does not support",
         [](J& j) { j["entries"][0]["geometry"] = "n1 c2 o2 d1 h32 w32 k1,3,3 s1,1,1 p0,1,1"; });
  expect("milliseconds", [](J& j) { j["entries"][0]["milliseconds"] = "fast"; });
  std::ofstream(folder / "bad.json") << "{\"format\": ";
  EXPECT_THROW(read_plan(folder / "bad.json", registered_ops()), DataError);
  EXPECT_THROW(read_plan(folder / "none.json", registered_ops()), IoError);
}

TEST(PlanFile, AnotherMachineOrBuildIsNamed) {
  const PlanFile here = plan_file_here(Device{});
  PlanFile plan = small_plan();
  std::string all;
  for (const std::string& line : plan_warnings(plan, here)) all += line + "\n";
  EXPECT_NE(all.find("some processor"), std::string::npos);
  EXPECT_NE(all.find(here.cpu), std::string::npos);
  EXPECT_NE(all.find("1.2.3"), std::string::npos);
  EXPECT_TRUE(plan_warnings(here, here).empty());
}

TEST(PlanFile, OfADeviceCountsThereAlone) {
  PlanFile plan = small_plan();
  EXPECT_NO_THROW(require_kind(plan, "plan.json", Device{}));
  EXPECT_THROW(require_kind(plan, "plan.json", Device::simt()), ConfigError);
  plan.device = Device::Kind::cuda;
  plan.device_name = "a device";
  EXPECT_NO_THROW(require_kind(plan, "plan.json", Device::cuda(1)));
  EXPECT_EQ(
      testing::message_of<ConfigError>([&] { require_kind(plan, "plan.json", Device{}); }),
      "[plan] plan.json was measured on cuda (a device) and says nothing about cpu; give --device cuda, "
      "or no --plan");
  // Of the machine around it only the device itself matters.
  PlanFile here = plan;
  here.cpu = "another processor";
  EXPECT_TRUE(plan_warnings(plan, here).empty());
  here.device_name = "another device";
  EXPECT_EQ(plan_warnings(plan, here).size(), 1u);
}

TEST(Tune, ChoosesNothingThatIsWrong) {
  const auto measured = [](const char* implementation, double ms, bool ok) {
    OpMeasurement row;
    row.op = "conv3d";
    row.implementation = implementation;
    row.ms = {.median = ms, .low = 0.99 * ms, .high = 1.01 * ms, .best = ms, .n = 5};
    row.ok = ok;
    return row;
  };
  const auto chosen = [](const std::vector<OpMeasurement>& rows) {
    return choose_fastest(rows, "winograd", 0.03).choice.implementation;
  };
  const auto rule = measured("winograd", 1.0, true), reference = measured("reference", 9.0, true);
  EXPECT_EQ(chosen({rule, reference}), "winograd");
  EXPECT_EQ(chosen({rule, measured("blocked", 0.99, true), reference}), "winograd");  // noise
  EXPECT_EQ(chosen({rule, measured("blocked", 0.5, true), reference}), "blocked");
  EXPECT_EQ(chosen({rule, measured("blocked", 0.5, false), reference}), "winograd");
  EXPECT_EQ(chosen({measured("winograd", 1.0, false), reference}), "reference");  // the rule's own is wrong
  EXPECT_THROW(chosen({measured("winograd", 1.0, false)}), CheckFailed);
}

TEST(Tune, MeasuresEachGeometryOfARunAndTakesNothingThatIsNotDeterministic) {
  const std::string geometry = "n1 c16 o16 d1 h16 w16 k1,3,3 s1,1,1 p0,1,1";
  const std::vector<ImplementationChoice> ran = {{"conv3d", "backward_weights", geometry, "blocked"},
                                                 {"conv3d", "forward", geometry, "blocked"},
                                                 {"relu", "forward", "x", "reference"}};
  int geometries = 0;
  const auto count = [&](const std::string&, const std::string&) { ++geometries; };
  const std::vector<TuneRow> rows =
      tune(registered_ops(), ran, {.rounds = 2, .min_time_ms = 0.0}, 0.03, count);
  EXPECT_EQ(geometries, 1);
  ASSERT_EQ(rows.size(), 2u);
  for (const TuneRow& row : rows) {
    EXPECT_EQ(row.by_rule, "winograd");
    EXPECT_EQ(row.ms.size(), 4u);
    EXPECT_GT(row.ms.at(row.choice.implementation), 0.0);
    EXPECT_LE(row.ms.at(row.choice.implementation), row.ms.at("winograd"));
  }
  OpInfo shaky = op("conv3d");
  for (ImplementationInfo& i : shaky.implementations) i.deterministic = i.name != "winograd";
  OpRegistry ops;
  ops.add(shaky);
  for (const TuneRow& row : tune(ops, ran, {.rounds = 1, .min_time_ms = 0.0}, 0.03, count))
    EXPECT_EQ(row.ms.count("winograd"), 0u);
}

TEST(DeviceHold, TakesTheTimeThatIsAskedForOfWhateverAClockSays) {
  EXPECT_EQ(hold_rounds(1000, 500.0, 2.0), 4000);  // 0.5 us a round
  EXPECT_EQ(hold_rounds(1000, 1e9, 2.0), 1);
  EXPECT_EQ(hold_rounds(1000, 0.0, 1e9), kMostHoldRounds);
  DeviceHold(Device{}, 2.0).begin();  // nothing to hold where the host computes
}

}  // namespace
}  // namespace primal
