// What the figures of `primal profile` are read against: the machine, its roofs, and how busy it was.
#include "apps/profile/roofs.h"

#include <atomic>
#include <chrono>
#include <cmath>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <thread>

#include "apps/shell/machine_load.h"

namespace primal {
namespace {

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

}  // namespace
}  // namespace primal
