#include "tensor/exec.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "tensor/error.h"
#include "tensor/memory_pool.h"
#include "tensor/scratch.h"
#include "tensor/threads/thread_share.h"

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
  for (int threads : {1, 2, 5}) {
    std::atomic<int64_t> sum = 0;
    parallel_for<int64_t>({.n_threads = threads}, 100, 3, 1000,
                          [&](int64_t begin, int64_t end, int64_t* cells) {
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
    parallel_for<std::byte>({.n_threads = 3}, n_chunks, 1, 4096, [&](int64_t, int64_t, std::byte*) {
      EXPECT_EQ(live(), before + n_blocks * MemoryPool::size_class(4096));
    });
  }
  EXPECT_EQ(live(), before);
}

// More threads than cores, and more regions than the workers can sleep through: none is lost, none is done
// twice.
TEST(ParallelFor, VisitsEachChunkOnceInManyShortRegions) {
  constexpr int64_t kChunks = 11;
  std::vector<int64_t> visits(kChunks, 0);  // plain: a region's work is seen by the next
  for (int region = 0; region < 3000; ++region) {
    parallel_for({.n_threads = 2 + region % 7}, kChunks, 1,
                 [&](int64_t c, int64_t) { ++visits[static_cast<size_t>(c)]; });
    if (region % 500 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));  // workers fall asleep
  }
  EXPECT_EQ(visits, std::vector<int64_t>(kChunks, 3000));
}

TEST(ParallelFor, RunsOnTheThreadThatMeetsItInsideAnotherOne) {
  std::atomic<int> elsewhere = 0, n_chunks = 0;
  parallel_for({.n_threads = 3}, 6, 1, [&](int64_t, int64_t) {
    const std::thread::id here = std::this_thread::get_id();
    parallel_for({.n_threads = 3}, 5, 1, [&](int64_t, int64_t) {
      ++n_chunks;
      if (std::this_thread::get_id() != here) ++elsewhere;
    });
    parallel_region({.n_threads = 3}, [&](int, int n) { elsewhere += n - 1; });
  });
  EXPECT_EQ(n_chunks, 30);
  EXPECT_EQ(elsewhere, 0);
}

TEST(ParallelFor, WorksFromSeveralThreadsAtOnceAndAfterTheyHaveEnded) {
  std::atomic<int64_t> sum = 0;
  const auto add = [&] {
    for (int i = 0; i < 50; ++i)
      parallel_for({.n_threads = 3}, 100, 3, [&](int64_t begin, int64_t end) { sum += end - begin; });
  };
  for (int round = 0; round < 3; ++round) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back(add);
    for (std::thread& thread : threads) thread.join();
  }
  add();
  EXPECT_EQ(sum, 13 * 50 * 100);
}

// The child has the thread that forked and none of the others; a loop that waited for them would never end.
TEST(ParallelFor, WorksInAChildThatWasForked) {
  const auto sum = [] {
    std::atomic<int64_t> s = 0;
    parallel_for({.n_threads = 3}, 100, 3, [&](int64_t begin, int64_t end) { s += end - begin; });
    parallel_region({.n_threads = 3}, [&](int, int) { ++s; });
    return s.load();
  };
  ASSERT_EQ(sum(), 103);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    alarm(60);
    _exit(sum() == 103 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(sum(), 103);
}

TEST(ParallelRegion, RunsOnAllThreadsAtOnce) {
  std::atomic<int> arrived = 0;
  std::vector<int> numbers(4, -1);
  parallel_region({.n_threads = 4}, [&](int thread, int n) {
    ++arrived;
    while (arrived < n) std::this_thread::yield();  // never ends where one of them is missing
    numbers[static_cast<size_t>(thread)] = thread;
  });
  EXPECT_EQ(numbers, (std::vector<int>{0, 1, 2, 3}));
  EXPECT_THROW(parallel_region({.n_threads = 2},
                               [](int thread, int) {
                                 if (thread == 1) throw DataError("[test] one");
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

TEST(Exec, AThreadsShareCountsForThatThreadAlone) {
  const int before = num_threads();
  set_num_threads(6);
  {
    const ThreadShare share(2);
    EXPECT_EQ(num_threads(), 2);
    {
      const ThreadShare all(0);
      EXPECT_EQ(num_threads(), 6);
    }
    EXPECT_EQ(num_threads(), 2);
    std::thread([] { EXPECT_EQ(num_threads(), 6); }).join();
    const WorkAlone alone;
    EXPECT_EQ(num_threads(), 1);
  }
  EXPECT_EQ(num_threads(), 6);
  set_num_threads(before);
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
