#include "tensor/threads/workers.h"

#include <array>
#include <atomic>
#include <gtest/gtest.h>
#include <set>

namespace primal {
namespace {

using std::chrono::milliseconds;

const ThreadClock::time_point kStart{};  // any

TEST(Ledger, BeginsWithCreditForAHiccup) {
  Ledger ledger;
  EXPECT_FALSE(ledger.in_debt(kStart));
  ledger.enter(milliseconds(1), milliseconds(1) + Ledger::kMostCredit, kStart);
  EXPECT_FALSE(ledger.in_debt(kStart));
  ledger.enter(milliseconds(1), milliseconds(2), kStart);
  EXPECT_TRUE(ledger.in_debt(kStart));
}

TEST(Ledger, SaysToWorkAloneForTwentyTimesWhatWaitingHasCost) {
  Ledger ledger;
  ledger.enter(milliseconds(2), milliseconds(2) + Ledger::kMostCredit + milliseconds(5), kStart);
  EXPECT_TRUE(ledger.in_debt(kStart + milliseconds(50)));
  EXPECT_TRUE(ledger.in_debt(kStart + milliseconds(99)));
  EXPECT_FALSE(ledger.in_debt(kStart + milliseconds(101)));
  EXPECT_FALSE(ledger.in_debt(kStart + milliseconds(102)));
}

TEST(Ledger, ForgivesWaitingWhereWorkersSaveMore) {
  Ledger ledger;
  for (int i = 0; i < 1000; ++i) {
    ledger.enter(milliseconds(10), milliseconds(6), kStart);
    ledger.enter(milliseconds(10), milliseconds(13), kStart);
    EXPECT_FALSE(ledger.in_debt(kStart));
  }
}

TEST(Ledger, KeepsNoMoreCreditThanAHiccupNeeds) {
  Ledger ledger;
  for (int i = 0; i < 1000; ++i) ledger.enter(milliseconds(10), milliseconds(5), kStart);
  ledger.enter(milliseconds(0), Ledger::kMostCredit + milliseconds(1), kStart);
  EXPECT_TRUE(ledger.in_debt(kStart));
}

// Whatever the workers cost, the time lost is a twentieth of the time that passes, beyond the credit and one
// loss.
TEST(Ledger, BoundsTheTimeLostWhereWorkersNeverHelp) {
  Ledger ledger;
  const auto loss = milliseconds(7);
  ThreadClock::time_point now = kStart;
  Ledger::Duration lost{};
  while (now - kStart < std::chrono::seconds(20)) {
    if (ledger.in_debt(now)) {
      now += milliseconds(1);  // of work, alone
      continue;
    }
    now += milliseconds(1) + loss;
    ledger.enter(milliseconds(1), milliseconds(1) + loss, now);
    lost += loss;
  }
  EXPECT_LE(lost, (now - kStart) / Ledger::kShareForDebt + Ledger::kMostCredit + loss);
  EXPECT_GE(lost, (now - kStart) / (2 * Ledger::kShareForDebt));  // it goes on trying
}

TEST(Workers, AreMadeOnceAndKeepTheirNumbers) {
  Workers workers;
  EXPECT_EQ(workers.recruit(1), 1);
  EXPECT_EQ(workers.recruit(3), 3);
  EXPECT_EQ(workers.recruit(2), 2);
  std::array<std::set<std::thread::id>, 3> ids;
  for (int round = 0; round < 20; ++round) {
    workers.gather(3,
                   [&](int thread) { ids[static_cast<size_t>(thread)].insert(std::this_thread::get_id()); });
  }
  for (const auto& id : ids) EXPECT_EQ(id.size(), 1u);
  EXPECT_TRUE(ids[0].contains(std::this_thread::get_id()));
}

// Only two of the five may enter, and when help() returns nobody is inside any more.
TEST(Workers, StayOutOfRegionsForFewer) {
  Workers workers;
  EXPECT_EQ(workers.recruit(5), 5);
  for (int round = 0; round < 500; ++round) {
    std::atomic<int> inside = 0;
    workers.help(2, [&](int thread) {
      EXPECT_LT(thread, 2);
      ++inside;
      if (thread == 1) std::this_thread::yield();
      --inside;
    });
    EXPECT_EQ(inside, 0);
  }
}

TEST(Workers, AreNotWaitedForWhereTheyHaveNotBegun) {
  Workers workers;
  EXPECT_EQ(workers.recruit(64), 64);
  // Regions of no work at all are over before 63 workers have woken up.
  int64_t n_calls = 0;
  std::atomic<int64_t> n_calls_of_workers = 0;
  for (int round = 0; round < 200; ++round)
    workers.help(64, [&](int thread) { thread == 0 ? void(++n_calls) : void(++n_calls_of_workers); });
  EXPECT_EQ(n_calls, 200);
  EXPECT_LT(n_calls_of_workers, 200 * 63);
}

TEST(Workers, BelongToTheThreadThatAsks) {
  Workers* const here = Workers::mine();
  EXPECT_EQ(Workers::mine(), here);
  std::thread([&] { EXPECT_NE(Workers::mine(), here); }).join();
  here->help(1, [](int) { EXPECT_EQ(Workers::mine(), nullptr); });
  EXPECT_EQ(Workers::mine(), here);
}

}  // namespace
}  // namespace primal
