// Predictions for a device that is not here: the arithmetic of the model, and the launches that a step
// consists of.
#include "apps/profile/predicted_run.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "apps/ops/register_ops.h"
#include "apps/profile/predicted_table.h"
#include "support/temporary_folder.h"
#include "support/text.h"
#include "tensor/error.h"
#include "tensor/op/implementation.h"

namespace primal {
namespace {

using testing::has;

const DeviceModel& h200() { return device_model("h200"); }

simt::ListedLaunch launch_of(const std::string& name, std::array<unsigned, 3> grid,
                             std::array<unsigned, 3> block, double bytes) {
  simt::ListedLaunch launch;
  launch.name = name;
  launch.grid = grid;
  launch.block = block;
  launch.bytes = bytes;
  return launch;
}

OpenRange range_of(const std::string& op, const std::string& geometry, const std::string& implementation,
                   double bytes = 0.0) {
  return {op, "", "", {geometry, implementation, {0.0, bytes}, {}}};
}

TEST(DeviceModel, IssuesAnInstructionInAClockOfAScheduler) {
  // 132 multiprocessors x 4 schedulers x 1980 clocks are a microsecond of all of them.
  EXPECT_DOUBLE_EQ(h200().issue_us(132.0 * 4 * 1980, 264), 1.0);
  EXPECT_DOUBLE_EQ(h200().issue_us(4.0 * 1980, 1), 1.0);  // a single block has one multiprocessor
}

TEST(DeviceModel, MovesBytesThroughL2OrMemory) {
  const TimeRange small = memory_us(h200(), 5.5e6), large = memory_us(h200(), 480e6);
  EXPECT_DOUBLE_EQ(small.low, 1.0);
  EXPECT_NEAR(small.high, 5.5 / 4.8 / 0.9, 1e-12);
  EXPECT_DOUBLE_EQ(large.low, 100.0);  // does not fit in L2
  EXPECT_NEAR(large.high, 100.0 / 0.9, 1e-9);
}

TEST(DeviceModel, NamesThoseItHas) {
  EXPECT_TRUE(has(testing::message_of<ConfigError>([] { device_model("v100"); }), "there is one of h200"));
}

TEST(PredictLaunch, AFillMovesItsBytes) {
  const PredictedLaunch fill = predict(h200(), launch_of("zero", {}, {}, 11e6));
  EXPECT_DOUBLE_EQ(fill.us.low, 2.0 + h200().gap_us.low + h200().start_us.low);
  EXPECT_EQ(fill.work.limit, "memory");
  EXPECT_EQ(fill.work.instructions, 0.0);
}

TEST(PredictLaunch, AThreadsLoopRunsAsOftenAsItHasElements) {
  const KernelCost& adam = *kernel_cost("adam_step");
  ASSERT_EQ(adam.accesses, 16.0);  // four elements, each read from four tensors
  const simt::ListedLaunch once = launch_of("adam_step", {528, 1, 1}, {256, 1, 1}, 528.0 * 256 * 16 * 4);
  const simt::ListedLaunch four = launch_of("adam_step", {528, 1, 1}, {256, 1, 1}, 528.0 * 256 * 64 * 4);
  const double warps = 528.0 * 8;
  EXPECT_DOUBLE_EQ(predict(h200(), once).work.instructions, warps * adam.all);
  EXPECT_DOUBLE_EQ(predict(h200(), four).work.instructions, warps * (adam.all + 3 * adam.loop));
}

TEST(PredictLaunch, TheGridOfACooperativeLaunchMeetsOnce) {
  simt::ListedLaunch launch = launch_of("mse_loss_forward", {64, 1, 1}, {256, 1, 1}, 0.5e6);
  const PredictedLaunch apart = predict(h200(), launch);
  launch.cooperative = true;
  const PredictedLaunch together = predict(h200(), launch);
  EXPECT_EQ(apart.work.grid_meetings, 0.0);
  EXPECT_EQ(together.work.grid_meetings, 1.0);
  EXPECT_DOUBLE_EQ(together.us.low, apart.us.low + h200().grid_meets_us);
  EXPECT_DOUBLE_EQ(together.us.high, apart.us.high + h200().grid_meets_us);
}

TEST(PredictLaunch, AKernelThatIsNotCountedSaysSo) {
  const PredictedLaunch unknown = predict(h200(), launch_of("some_kernel", {1, 1, 1}, {32, 1, 1}, 4.8e6));
  EXPECT_TRUE(unknown.work.kernel.empty());
  EXPECT_GT(unknown.us.low, 0.0);
}

// bench/results/conv3d_tensor_core_model.md, made by another program from the same code: 4.1 .. 5.6 us with
// 1.5 us for the launch at the upper end, 6.8 .. 12.5 us with three products, 12.6 .. 15.1 us for the
// gradient of weights with 2.5 us and 1 us for its sum and so on.
TEST(PredictLaunch, ConvolutionsAreThoseOfTheModelInPython) {
  const std::string e0b = "n1 c32 o32 d1 h256 w256 k1,3,3 s1,1,1 p0,1,1";
  simt::ListedLaunch launch = launch_of("conv3d_forward_tensor_core", {256, 1, 1}, {128, 1, 1}, 16.8e6);
  launch.range = range_of("conv3d", e0b, "tensor_core");
  LaunchWork one;
  ASSERT_TRUE(predict_convolution(h200(), launch, one));
  EXPECT_EQ(one.kernel, "product_kernel<3, false, 1>");
  EXPECT_NEAR(one.us.low, 4.1, 0.05);
  EXPECT_NEAR(one.us.high, 5.6 - 1.5, 0.05);
  EXPECT_EQ(one.products, 144.0 * 4 * 4 * 256);  // of a warp in a step; steps, warps, blocks

  launch.range = range_of("conv3d", e0b, "tensor_core_3x");
  LaunchWork three;
  ASSERT_TRUE(predict_convolution(h200(), launch, three));
  EXPECT_NEAR(three.us.low, 6.8, 0.05);
  EXPECT_NEAR(three.us.high, 12.5 - 1.5, 0.05);
  EXPECT_EQ(three.limit, "tensor");

  // e3b in 8 splits of its channels: 4 steps in each block.
  launch = launch_of("conv3d_forward_tensor_core", {4, 8, 8}, {128, 1, 1}, 8e6);
  launch.cluster = 8;
  launch.range = range_of("conv3d", "n1 c256 o256 d1 h32 w32 k1,3,3 s1,1,1 p0,1,1", "tensor_core");
  LaunchWork split;
  ASSERT_TRUE(predict_convolution(h200(), launch, split));
  EXPECT_EQ(split.products, 144.0 * 4 * 4 * 256);
  launch.name = "conv3d_backward_data_tensor_core";
  LaunchWork data, with_sums;
  ASSERT_TRUE(predict_convolution(h200(), launch, data));
  launch.grid[2] = 24;  // 16 slices of blocks that add up weight gradients
  ASSERT_TRUE(predict_convolution(h200(), launch, with_sums));
  EXPECT_EQ(with_sums.us.low, data.us.low);
}

TEST(PredictLaunch, PdhgIsThatOfTheModelInPython) {
  simt::ListedLaunch launch = launch_of("pdhg_forward", {128, 1, 1}, {32, 12, 1}, 8.4e6);
  launch.cooperative = true;
  launch.range = range_of("pdhg", "n1 d1 h256 w256 axes3,4 T256", "overlapped", 256.0 * 256 * 256 / 2);
  LaunchWork codes;
  ASSERT_TRUE(predict_pdhg(h200(), launch, codes));
  EXPECT_EQ(codes.kernel, "overlapped_forward_kernel<OverlappedTile<8, 8, 12, 4>, 1>");
  EXPECT_NEAR(codes.us.low, 138, 1.0);
  EXPECT_NEAR(codes.us.high, 201, 1.0);
  EXPECT_EQ(codes.grid_meetings, 32.0);
  launch.name = "pdhg_adjoint";
  launch.range = range_of("pdhg", "n1 d1 h256 w256 axes3,4 T256", "overlapped", 256.0 * 256 * 256 * 4.5);
  LaunchWork learnt;
  ASSERT_TRUE(predict_pdhg(h200(), launch, learnt));
  EXPECT_NEAR(learnt.us.low, 251, 1.0);
  EXPECT_NEAR(learnt.us.high, 328, 1.0);
}

// The table of batches in bench/results/pdhg_device_model.md: 240 .. 340 us for eight pictures without a
// tape, eleven times that for 81.
TEST(PredictLaunch, PdhgOfABatchIsThatOfTheModelInPython) {
  simt::ListedLaunch launch = launch_of("pdhg_forward", {120, 1, 1}, {32, 16, 1}, 8.4e6);
  launch.cluster = 15;
  const auto predicted = [&](const char* geometry, double tape_bytes) {
    launch.range = range_of("pdhg", geometry, "clusters", tape_bytes);
    LaunchWork work;
    EXPECT_TRUE(predict_pdhg(h200(), launch, work));
    return work;
  };
  const LaunchWork eight = predicted("n8 d1 h256 w256 axes3,4 T256", 0.0);
  EXPECT_EQ(eight.kernel, "clusters_forward_kernel<ClusterTile<4, 4, 16, 6, 2>, 0>");
  EXPECT_NEAR(eight.us.low, 240, 1.0);
  EXPECT_NEAR(eight.us.high, 340, 1.0);
  EXPECT_EQ(eight.grid_meetings, 0.0);
  EXPECT_NEAR(predicted("n81 d1 h256 w256 axes3,4 T256", 0.0).us.low, 11 * eight.us.low, 1e-6);
  EXPECT_EQ(predicted("n8 d1 h256 w256 axes3,4 T256", 8 * 256.0 * 256 * 256 / 2).kernel,
            "clusters_forward_kernel<ClusterTile<4, 4, 16, 6, 2>, 1>");
  launch.cluster = 2;  // pictures of two tiles: eight clusters in each group of multiprocessors
  EXPECT_NEAR(predicted("n64 d1 h64 w64 axes3,4 T256", 0.0).us.low, eight.us.low, 1e-6);
}

TrainingStepOptions small_step() {
  TrainingStepOptions step;
  step.model.unet.filters = 8;
  step.model.n_iter = 16;
  step.size = 64;
  return step;
}

TEST(PredictedRun, AStepIsItsLaunchesAndEachHasATime) {
  const ImplementationScope as_on_cuda("pdhg", "overlapped");
  const PredictedRun run = predict_step(h200(), small_step());
  ASSERT_GT(run.launches.size(), 50u);
  TimeRange sum;
  for (const PredictedLaunch& p : run.launches) {
    EXPECT_FALSE(p.work.kernel.empty()) << p.launch.name << " is not counted";
    EXPECT_GT(p.us.low, 0.0) << p.launch.name;
    EXPECT_LE(p.us.low, p.us.high) << p.launch.name;
    EXPECT_GT(p.launch.bytes, 0.0) << p.launch.name;
    sum += p.us;
  }
  EXPECT_DOUBLE_EQ(run.total_us().low, sum.low);
  int launches = 0;
  double high = 0.0;
  for (const PredictedRow& row : by_kernel(run)) launches += row.launches, high += row.us.high;
  EXPECT_EQ(launches, std::ssize(run.launches));
  EXPECT_NEAR(high, sum.high, 1e-9);
  high = 0.0;
  for (const PredictedRow& row : by_range(run)) high += row.us.high;
  EXPECT_NEAR(high, sum.high, 1e-9);
}

TEST(PredictedRun, MoreWorkTakesLonger) {
  const ImplementationScope as_on_cuda("pdhg", "overlapped");
  TrainingStepOptions larger = small_step();
  larger.size = 256;
  EXPECT_GT(predict_step(h200(), larger).total_us().low, predict_step(h200(), small_step()).total_us().low);
}

TEST(PredictedRun, TableAndJsonSayPredictedAndPutMeasuredTimesBeside) {
  const ImplementationScope as_on_cuda("pdhg", "overlapped");
  const PredictedRun run = predict_step(h200(), small_step());
  const std::string alone = predicted_table(run, h200());
  EXPECT_TRUE(has(alone, "predicted us"));
  EXPECT_TRUE(has(alone, "nothing measured"));
  EXPECT_FALSE(has(alone, "measured us"));
  MeasuredRun measured{"cuda:0", {}, 1234.5};
  for (const PredictedRow& row : by_range(run)) {
    if (row.name == "pdhg") measured.us[key_of(row)] = 42.25;
  }
  ASSERT_EQ(measured.us.size(), 1u);
  const std::string both = predicted_table(run, h200(), &measured);
  EXPECT_TRUE(has(both, "measured us"));
  EXPECT_TRUE(has(both, "42.2"));
  EXPECT_TRUE(has(both, "1234.5"));
  const nlohmann::json report = to_json(run, &measured);
  EXPECT_EQ(report.at("predicted_for"), "h200");
  EXPECT_EQ(report.at("measured").at("step_us"), 1234.5);
  int n_measured = 0;
  for (const auto& row : report.at("measured").at("rows"))
    n_measured += row.at("measured_us").is_null() ? 0 : 1;
  EXPECT_EQ(n_measured, 1);
}

TEST(PredictedRun, AnOpIsPredictedWithEachImplementation) {
  const OpInfo& conv = *registered_ops().find("conv3d");
  const auto stage = std::ranges::find(conv.stages, "e0b", &OpCase::name);
  const PredictedRun three = predict_op(h200(), conv, *stage, "tensor_core_3x");
  const auto forward = std::ranges::find(three.launches, "conv3d_forward_tensor_core",
                                         [](const PredictedLaunch& p) { return p.launch.name; });
  ASSERT_NE(forward, three.launches.end());
  EXPECT_EQ(forward->work.kernel, "product_kernel<3, false, 3>");
  EXPECT_EQ(std::ranges::count(three.launches, "conv3d_backward_weights_tensor_core",
                               [](const PredictedLaunch& p) { return p.launch.name; }),
            1);
}

}  // namespace
}  // namespace primal
