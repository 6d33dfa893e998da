#include "tensor/threads/memory_shares.h"

#include <atomic>
#include <chrono>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace primal {
namespace {

using namespace std::chrono_literals;

// How much is held at once by pieces of work, and the most it was.
class Held {
 public:
  void add(int64_t bytes) {
    const int64_t now = now_ += bytes;
    for (int64_t most = most_; now > most && !most_.compare_exchange_weak(most, now);) {
    }
  }
  void remove(int64_t bytes) { now_ -= bytes; }
  int64_t most() const { return most_; }

 private:
  std::atomic<int64_t> now_ = 0, most_ = 0;
};

// Pieces 0, 1, ... begun in order on n_threads threads; each takes its first share, grows and works for a
// moment.
int64_t most_grown(int64_t limit, int64_t first, const std::vector<int64_t>& pieces, int n_threads) {
  MemoryShares memory(limit);
  Held held;
  std::atomic<size_t> next = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < n_threads; ++t) {
    threads.emplace_back([&] {
      for (size_t i = next++; i < pieces.size(); i = next++) {
        MemoryShare share(memory, i, first);
        std::this_thread::sleep_for(100us);
        share.grow(pieces[i]);
        held.add(pieces[i]);
        std::this_thread::sleep_for(300us);
        held.remove(pieces[i]);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return held.most();
}

TEST(MemoryShares, SmallPiecesRunSideBySideWithinTheLimit) {
  const int64_t most = most_grown(100, 1, std::vector<int64_t>(200, 30), 8);
  EXPECT_LE(most, 100);
  EXPECT_GE(most, 60);
}

TEST(MemoryShares, APieceLargerThanTheLimitRunsAloneAndNothingWaitsForEver) {
  std::vector<int64_t> pieces;
  for (int64_t i = 0; i < 200; ++i) pieces.push_back(i % 7 == 3 ? 250 : 10 + i % 40);
  EXPECT_EQ(most_grown(100, 1, pieces, 6), 250);
}

TEST(MemoryShares, FirstSharesThatFillTheLimitDoNotBlock) {
  // Each of four has a quarter already and wants more than is left.
  EXPECT_LE(most_grown(100, 25, std::vector<int64_t>(60, 90), 4), 100);
}

TEST(MemoryShares, WaitsForRoom) {
  MemoryShares memory(100);
  std::atomic<bool> has_grown = false;
  std::thread second;
  {
    MemoryShare first(memory, 0, 10);
    first.grow(80);
    second = std::thread([&] {
      MemoryShare share(memory, 1, 10);
      share.grow(50);
      has_grown = true;
    });
    std::this_thread::sleep_for(30ms);
    EXPECT_FALSE(has_grown);
  }
  second.join();
  EXPECT_TRUE(has_grown);
}

}  // namespace
}  // namespace primal
