#include "tensor/threads/in_order.h"

#include <atomic>
#include <chrono>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <vector>

namespace primal {
namespace {

using namespace std::chrono_literals;

TEST(InOrder, GivesTheResultsInOrderHoweverLongEachTakes) {
  constexpr size_t kN = 40;
  for (const int n_threads : {1, 2, 5}) {
    std::vector<size_t> results(kN);
    std::atomic<int> n_calls = 0;
    InOrder all(kN, n_threads, [&](size_t i) {
      std::this_thread::sleep_for(i % 3 == 0 ? 3ms : 0ms);
      results[i] = i * i;
      ++n_calls;
    });
    for (size_t i = 0; i < kN; ++i) {
      ASSERT_TRUE(all.wait(i));
      EXPECT_EQ(results[i], i * i);
    }
    EXPECT_EQ(n_calls, static_cast<int>(kN));
    EXPECT_EQ(all.n_done(), kN);
  }
}

TEST(InOrder, WorksOnAsManyAtOnceAsThereAreThreadsAndNotFarAhead) {
  std::atomic<size_t> n_begun = 0;
  std::atomic<int> n_inside = 0, most_inside = 0;
  InOrder all(100, 3, [&](size_t) {
    ++n_begun;
    int now = ++n_inside, most = most_inside;
    while (now > most && !most_inside.compare_exchange_weak(most, now)) {
    }
    std::this_thread::sleep_for(1ms);
    --n_inside;
  });
  ASSERT_TRUE(all.wait(0));
  std::this_thread::sleep_for(50ms);
  EXPECT_LE(n_begun, 6u);  // twice the threads, while number 0 is the last that was asked for
  for (size_t i = 1; i < 100; ++i) {
    ASSERT_TRUE(all.wait(i));
    EXPECT_LE(n_begun, i + 6);
  }
  EXPECT_LE(most_inside, 3);
}

TEST(InOrder, ThrowsAnErrorWhenItIsThatPiecesTurn) {
  for (const int n_threads : {1, 4}) {
    std::atomic<int> n_whole = 0;
    InOrder all(8, n_threads, [&](size_t i) {
      if (i == 2) throw std::runtime_error("piece " + std::to_string(i));
      ++n_whole;
    });
    EXPECT_TRUE(all.wait(0));
    EXPECT_TRUE(all.wait(1));
    EXPECT_THROW(all.wait(2), std::runtime_error);
    EXPECT_TRUE(all.wait(3));  // whoever asks on gets the others
  }
}

TEST(InOrder, BeginsNothingMoreAfterAStopButFinishesWhatItHasBegun) {
  for (const int n_threads : {1, 2}) {
    std::atomic<size_t> n_begun = 0, n_finished = 0;
    size_t n_taken = 0;
    {
      InOrder all(1000, n_threads, [&](size_t) {
        ++n_begun;
        std::this_thread::sleep_for(1ms);
        ++n_finished;
      });
      for (; n_taken < 1000; ++n_taken) {
        if (n_taken == 5) all.stop();
        if (!all.wait(n_taken)) break;
      }
    }
    EXPECT_GE(n_taken, 5u);
    EXPECT_EQ(n_taken, n_begun);
    EXPECT_EQ(n_begun, n_finished);
    EXPECT_LT(n_begun, 20u);
  }
}

TEST(InOrder, CallsBackWhileItWaits) {
  int n_idle = 0;
  InOrder all(2, 2, [](size_t) { std::this_thread::sleep_for(350ms); });
  EXPECT_TRUE(all.wait(0, [&] { ++n_idle; }));
  EXPECT_GE(n_idle, 1);
  EXPECT_LE(n_idle, 4);
}

TEST(InOrder, NeedsNothingToDo) {
  const InOrder none(0, 4, [](size_t) { FAIL(); });
  EXPECT_EQ(none.n_done(), 0u);
}

}  // namespace
}  // namespace primal
