#include "tensor/range.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <stdexcept>
#include <thread>

#include "autograd/variable.h"
#include "tensor/error.h"

namespace primal {
namespace {

RangeDetail detail() { return {"w3", "fast", {10.0, 20.0}, {30.0, 40.0}}; }

// An op that records what it did, as those of nn do.
Variable twice(const Variable& x) {
  const Range range("twice", nullptr, detail);
  const Tensor y = Tensor::full({}, 2.0 * x.value().item(), x.dtype());
  return record("twice", y, {x}, [](Gradients& g) {
    const Range inner("twice", "inner");
    g.grad_of(0).fill(g.grad_of(0).item() + 2.0 * g.upstream().item());
  });
}

const RangeRecord& find(const std::vector<RangeRecord>& records, const std::string& name) {
  const auto found = std::ranges::find(records, name, &RangeRecord::name);
  if (found == records.end()) throw std::runtime_error("no range " + name);
  return *found;
}

TEST(Range, RecordsNameDepthAndTime) {
  const RangeRecorder recorder;
  {
    const Range outer("outer");
    const Range inner("inner", "phase");
  }
  const std::vector<RangeRecord> records = recorder.records();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].name, "inner.phase");
  EXPECT_EQ(records[0].op, "inner");
  EXPECT_EQ(records[0].phase, "phase");
  EXPECT_EQ(records[0].depth, 1);
  EXPECT_EQ(records[1].depth, 0);
  EXPECT_GE(records[0].start_us, records[1].start_us);
  EXPECT_LE(records[0].start_us + records[0].duration_us, records[1].start_us + records[1].duration_us);
}

TEST(Range, WithoutARecorderNothingIsAskedOrKept) {
  bool asked = false;
  {
    const LayerName layer("stem");
    const Range range("quiet", nullptr, [&] {
      asked = true;
      return RangeDetail{};
    });
    EXPECT_EQ(Range::origin(), nullptr);
  }
  EXPECT_FALSE(asked);
  const RangeRecorder recorder;
  EXPECT_TRUE(recorder.records().empty());
}

TEST(Range, LayersAreThePathOfNames) {
  const RangeRecorder recorder;
  {
    const LayerName net("net"), none("");
    {
      const LayerName layer("encoder.0");
      const Range range("a");
    }
    const Range range("b");
  }
  EXPECT_EQ(find(recorder.records(), "a").layer, "net.encoder.0");
  EXPECT_EQ(find(recorder.records(), "b").layer, "net");
}

TEST(Range, TheBackwardRangeHasTheLayerAndTheCostOfItsForward) {
  const RangeRecorder recorder;
  const Variable x(Tensor::scalar(3.0), true);
  Variable y;
  {
    const LayerName layer("head");
    y = twice(x);
  }
  y.backward();
  EXPECT_EQ(x.grad().item(), 2.0);
  const std::vector<RangeRecord> records = recorder.records();
  const RangeRecord &forward = find(records, "twice"), &backward = find(records, "twice.backward");
  EXPECT_EQ(forward.layer, "head");
  EXPECT_EQ(forward.detail.cost.flops, 10.0);
  EXPECT_EQ(backward.layer, "head");
  EXPECT_EQ(backward.detail.geometry, "w3");
  EXPECT_EQ(backward.detail.cost.flops, 30.0);
  EXPECT_EQ(find(records, "twice.inner").layer, "head");
  EXPECT_EQ(find(records, "tape.zero_gradient").detail.cost.bytes, 4.0);
}

TEST(Range, ThreadsHaveNumbersOfTheirOwn) {
  const RangeRecorder recorder;
  { const Range range("here"); }
  std::thread([] { const Range range("there"); }).join();
  EXPECT_NE(find(recorder.records(), "here").thread, find(recorder.records(), "there").thread);
  EXPECT_EQ(find(recorder.records(), "there").depth, 0);
}

TEST(Range, IsRecordedWithDepthAndTime) {
  { const Range unseen("before"); }
  RangeRecorder recorder;
  {
    const Range outer("outer");
    const Range inner("inner", "backward");
  }
  const auto records = recorder.records();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].name, "inner.backward");
  EXPECT_EQ(records[0].depth, 1);
  EXPECT_EQ(records[1].name, "outer");
  EXPECT_EQ(records[1].depth, 0);
  EXPECT_GE(records[1].duration_us, records[0].duration_us);
  EXPECT_EQ(recorder.total_us("outer"), records[1].duration_us);
  EXPECT_THROW(RangeRecorder(), ConfigError);
}

TEST(Range, ARecorderThatCannotBeMadeLeavesRoomForAnother) {
  EXPECT_THROW(RangeRecorder{Device::cuda(1 << 20)}, DeviceError);
  EXPECT_FALSE(RangeRecorder::active());
  EXPECT_NO_THROW(RangeRecorder());
}

}  // namespace
}  // namespace primal
