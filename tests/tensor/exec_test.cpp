#include "tensor/exec.h"

#include <algorithm>
#include <atomic>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

#include "tensor/error.h"
#include "tensor/memory_pool.h"
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

TEST(ParallelFor, GivesEachThreadScratchOfItsOwn) {
  constexpr size_t kBytes = 1000 * sizeof(int64_t);
  for (int threads : {1, 2, 5}) {
    std::atomic<int64_t> sum = 0;
    parallel_for({.n_threads = threads}, 100, 3, kBytes, [&](int64_t begin, int64_t end, void* scratch) {
      auto* const cells = static_cast<int64_t*>(scratch);
      std::fill_n(cells, 1000, begin);
      std::this_thread::yield();
      for (int i = 0; i < 1000; ++i) EXPECT_EQ(cells[i], begin);
      sum += end - begin;
    });
    EXPECT_EQ(sum, 100);
  }
}

// However the threads meet: one that comes late is not what decides whether a step needs more memory.
TEST(ParallelFor, TakesScratchForAllThreadsAtOnce) {
  const auto live = [] { return host_pool().stats().live_bytes; };
  const size_t before = live();
  for (int64_t n_chunks : {1, 2, 7}) {
    const auto n_blocks = static_cast<size_t>(std::min<int64_t>(n_chunks, 3));
    parallel_for({.n_threads = 3}, n_chunks, 1, 4096, [&](int64_t, int64_t, void*) {
      EXPECT_EQ(live(), before + n_blocks * MemoryPool::size_class(4096));
    });
  }
  EXPECT_EQ(live(), before);
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

TEST(Range, ARecorderThatCannotBeMadeLeavesRoomForAnother) {
  EXPECT_THROW(RangeRecorder{Device::cuda(1 << 20)}, DeviceError);
  EXPECT_FALSE(RangeRecorder::active());
  EXPECT_NO_THROW(RangeRecorder());
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
