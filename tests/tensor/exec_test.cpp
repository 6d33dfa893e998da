#include "tensor/exec.h"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

#include "tensor/error.h"
#include "tensor/range.h"

namespace primal {
namespace {

TEST(ParallelFor, VisitsEachIndexOnce) {
  for (int threads : {1, 2, 5}) {
    std::vector<std::atomic<int>> visits(1001);
    parallel_for({.n_threads = threads}, 1001, 7, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) ++visits[static_cast<size_t>(i)];
    });
    for (const auto& v : visits) EXPECT_EQ(v, 1);
  }
}

TEST(ParallelFor, DoesNothingForAnEmptyRange) {
  parallel_for(Exec{}, 0, 1, [](int64_t, int64_t) { FAIL(); });
}

TEST(ParallelFor, RethrowsWhatABodyThrows) {
  EXPECT_THROW(parallel_for({.n_threads = 2}, 10, 1,
                            [](int64_t begin, int64_t) {
                              if (begin == 7) throw DataError("[test] seven");
                            }),
               DataError);
}

TEST(ParallelSum, HasTheSameBitsForAnyThreadCount) {
  const auto sum = [](int threads) {
    return parallel_sum({.n_threads = threads}, 100000, 1000, [](int64_t begin, int64_t end) {
      double s = 0.0;
      for (int64_t i = begin; i < end; ++i) s += 1.0 / static_cast<double>(i + 1);
      return s;
    });
  };
  EXPECT_EQ(sum(1), sum(2));
  EXPECT_EQ(sum(1), sum(7));
}

TEST(Threads, RefusesSillyNumbers) {
  EXPECT_THROW(set_num_threads(0), ConfigError);
  EXPECT_THROW(set_num_threads(-2), ConfigError);
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

TEST(Exec, AThreadThatWorksAloneHasNoTeam) {
  const int before = num_threads();
  set_num_threads(3);
  std::thread helper([] {
    const WorkAlone alone;
    EXPECT_EQ(num_threads(), 1);
    parallel_region(Exec{},
                    [](int thread, int n) { EXPECT_EQ(std::make_pair(thread, n), std::make_pair(0, 1)); });
  });
  helper.join();
  EXPECT_EQ(num_threads(), 3);
  set_num_threads(before);
}

}  // namespace
}  // namespace primal
