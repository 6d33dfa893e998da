// Messages between ranks, on threads of this process: results that depend on nothing but the numbers
// of the ranks, and faults.
#include "apps/distributed/communicator.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <numeric>

#include "apps/distributed/all_reduce.h"
#include "apps/distributed/launcher.h"
#include "apps/distributed/processor_share.h"
#include "support/thread_ranks.h"
#include "tensor/random.h"

namespace primal {
namespace {

using testing::Fault;
using testing::ThreadRanks;
using Strings = std::vector<std::string>;

// Where there are more than two ranks, the last two have large values that cancel. What they leave of the sum
// before them is rounded, so the order of additions shows.
std::vector<float> values_of(int rank, int size, size_t n) {
  const bool is_large = size > 2 && rank >= size - 2;
  const double scale = !is_large ? 1e-3 : rank == size - 1 ? -1e12 : 1e12;
  const RandomStream stream(1, RandomPurpose::test, 0, static_cast<uint32_t>(is_large ? size : rank));
  std::vector<float> values(n);
  for (size_t i = 0; i < n; ++i) values[i] = static_cast<float>(stream.normal(i) * scale);
  return values;
}

// The sum that all_reduce.h defines, in one loop.
std::vector<float> expected_sum(int size, size_t n) {
  std::vector<double> sums(n, 0.0);
  for (int r = 0; r < size; ++r) {
    const std::vector<float> values = values_of(r, size, n);
    for (size_t i = 0; i < n; ++i) sums[i] += values[i];
  }
  return {sums.begin(), sums.end()};
}

TEST(Communicator, GathersWhatEachRankGaveInTheirOrder) {
  for (int size = 1; size <= 8; ++size) {
    ThreadRanks hub(size);
    const Strings errors = hub.run([&](Communicator& ranks) {
      const Strings texts = ranks.all_gather_text(std::string(static_cast<size_t>(ranks.rank()), 'x'));
      for (int r = 0; r < size; ++r) EXPECT_EQ(texts[static_cast<size_t>(r)].size(), static_cast<size_t>(r));
      std::vector<int64_t> numbers(static_cast<size_t>(size));
      std::iota(numbers.begin(), numbers.end(), 10);
      EXPECT_EQ(ranks.all_gather_value<int64_t>(10 + ranks.rank()), numbers);
    });
    EXPECT_EQ(errors, Strings(static_cast<size_t>(size)));
  }
}

TEST(AllReduce, AddsInTheOrderOfRanksWhateverArrivesFirst) {
  for (int size = 1; size <= 8; ++size) {
    for (const size_t n : {size_t{0}, size_t{1}, size_t{5}, size_t{1000}}) {
      ThreadRanks hub(size);
      for (int r = 0; r < size; ++r) hub.at(r, (r + static_cast<int>(n)) % 2, Fault::late);
      const std::vector<float> expected = expected_sum(size, n);
      const Strings errors = hub.run([&](Communicator& ranks) {
        std::vector<float> values(n);
        AllReduce sum(ranks, values);
        for (int again = 0; again < 2; ++again) {
          std::ranges::copy(values_of(ranks.rank(), size, n), values.begin());
          sum.begin();
          sum.finish();
          EXPECT_EQ(values, expected) << size << " ranks, " << n << " values";
        }
      });
      EXPECT_EQ(errors, Strings(static_cast<size_t>(size)));
    }
  }
}

TEST(AllReduce, SeveralAreUnderWayAtOnceAndEndInAnyOrder) {
  ThreadRanks hub(4);
  const std::vector<float> expected = expected_sum(4, 50);
  const Strings errors = hub.run([&](Communicator& ranks) {
    std::vector<std::vector<float>> values(3, values_of(ranks.rank(), 4, 50));
    std::vector<std::unique_ptr<AllReduce>> sums;
    for (std::vector<float>& v : values) sums.push_back(std::make_unique<AllReduce>(ranks, v));
    for (const auto& sum : sums) sum->begin();
    // Each rank goes on with another one first, as messages may come.
    for (int i = 0; i < 20; ++i) sums[static_cast<size_t>(ranks.rank() + i) % 3]->advance();
    for (const size_t i : {2U, 0U, 1U}) sums[i]->finish();
    for (const std::vector<float>& v : values) EXPECT_EQ(v, expected);
  });
  EXPECT_EQ(errors, Strings(4));
}

TEST(AllReduce, SendsNoMoreThanItsBound) {
  ThreadRanks hub(4);
  hub.run([&](Communicator& ranks) {
    std::vector<float> values(4000);
    AllReduce sum(ranks, values);
    sum.begin();
    sum.finish();
    EXPECT_EQ(ranks.bytes_sent(), 2 * 3 * 4000);  // 2 (P - 1) / P n values of 4 bytes
  });
}

TEST(Communicator, NamesARankThatEnds) {
  for (const int victim : {0, 2}) {
    ThreadRanks hub(4);
    hub.at(victim, 3, Fault::dies);
    const Strings errors = hub.run([&](Communicator& ranks) {
      ranks.introduce("node", 100 + ranks.rank());
      ranks.set_step(7);
      try {
        for (int i = 0; i < 9; ++i) ranks.barrier();
      } catch (const RankError& error) {
        EXPECT_EQ(error.exit_code(), kLostRankCode);
        EXPECT_TRUE(error.is_lost());
        EXPECT_EQ(ranks.reports(), ranks.rank() == (victim == 0 ? 1 : 0));
        throw;
      }
    });
    for (int r = 0; r < 4; ++r) {
      if (r == victim) continue;
      EXPECT_EQ(errors[static_cast<size_t>(r)],
                fmt::format("[ranks] step 7: rank {} on node (process {}) ended unexpectedly", victim,
                            100 + victim));
    }
  }
}

TEST(Communicator, NamesARankThatDoesNotAnswerInTime) {
  ThreadRanks hub(3, 0.3);
  hub.at(1, 2, Fault::hangs);
  const Strings errors = hub.run([&](Communicator& ranks) {
    ranks.set_step(5);
    for (int i = 0; i < 5; ++i) ranks.barrier();
  });
  for (const size_t r : {0U, 2U}) {
    EXPECT_TRUE(errors[r].starts_with("[ranks] step 5: no answer from rank 1 for 0.3")) << errors[r];
  }
}

TEST(Communicator, ALateRankIsWaitedFor) {
  ThreadRanks hub(3);
  for (int64_t i = 0; i < 4; ++i) hub.at(static_cast<int>(i % 3), i, Fault::late);
  EXPECT_EQ(hub.run([&](Communicator& ranks) {
    for (int i = 0; i < 5; ++i) ranks.barrier();
  }),
            Strings(3));
}

TEST(Communicator, AnErrorOfOneRankReachesAllWithItsNameAndCode) {
  for (int size = 2; size <= 8; ++size) {
    ThreadRanks hub(size);
    const Strings errors = hub.run([&](Communicator& ranks) {
      ranks.introduce("node", ranks.rank());
      ranks.set_step(3);
      if (ranks.rank() == 1) return ranks.say_farewell(DataError("[png] {} is broken", "a.png"));
      try {
        ranks.barrier();
      } catch (const RankError& error) {
        EXPECT_EQ(error.exit_code(), 3);
        EXPECT_FALSE(error.is_lost());
        EXPECT_EQ(ranks.reports(), ranks.rank() == 0);
        throw;
      }
    });
    for (int r = 0; r < size; ++r) {
      EXPECT_EQ(errors[static_cast<size_t>(r)],
                r == 1 ? "" : "rank 1 on node (process 1), step 3: [png] a.png is broken");
    }
  }
}

TEST(Communicator, RanksAreCountedOnEachHost) {
  ThreadRanks hub(5);
  hub.run([&](Communicator& ranks) {
    ranks.introduce(ranks.rank() % 2 == 0 ? "a" : "b", 1);
    EXPECT_EQ(ranks.rank_on_host(), ranks.rank() / 2);
  });
}

ProcessorsOfRank processors(std::vector<int> list, double quota = 0.0) {
  ProcessorsOfRank p;
  for (const int i : list) p.mask[static_cast<size_t>(i) / 64] |= uint64_t{1} << (i % 64);
  p.quota = quota;
  return p;
}

TEST(ProcessorShare, ABoundRankHasItsProcessorsAndOthersShareThem) {
  const Strings one(4, "a");
  const auto share = [&](const Strings& hosts, const std::vector<ProcessorsOfRank>& all) {
    std::vector<int> threads;
    for (size_t r = 0; r < hosts.size(); ++r) threads.push_back(threads_of_rank(r, hosts, all).threads);
    return threads;
  };
  const std::vector<ProcessorsOfRank> bound{processors({0, 1}), processors({2}), processors({100, 101, 102}),
                                            processors({4000})};
  EXPECT_EQ(share(one, bound), (std::vector<int>{2, 1, 3, 1}));
  EXPECT_TRUE(threads_of_rank(0, one, bound).is_bound);

  const std::vector<ProcessorsOfRank> same(4, processors({0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(share(one, same), (std::vector<int>{2, 2, 2, 2}));
  EXPECT_FALSE(threads_of_rank(0, one, same).is_bound);
  EXPECT_EQ(share({"a", "a", "a", "b"}, same), (std::vector<int>{2, 2, 2, 8})) << "nodes do not share";

  const std::vector<ProcessorsOfRank> few(4, processors({0, 1}));
  EXPECT_EQ(share(one, few), (std::vector<int>{1, 1, 1, 1}));
  EXPECT_TRUE(threads_of_rank(0, one, few).is_oversubscribed);

  const std::vector<ProcessorsOfRank> quota(4, processors({0, 1, 2, 3, 4, 5, 6, 7}, 3.5));
  EXPECT_EQ(share(one, quota), (std::vector<int>{1, 1, 1, 1})) << "a quota of 4 processors for all ranks";
}

Environment with(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return {};
    return found->second;
  };
}

TEST(Launcher, IsKnownByItsVariables) {
  EXPECT_FALSE(launched_rank(with({}), "[t]"));
  const auto mpirun = launched_rank(with({{"OMPI_COMM_WORLD_RANK", "2"},
                                          {"OMPI_COMM_WORLD_SIZE", "4"},
                                          {"SLURM_PROCID", "0"},
                                          {"SLURM_NTASKS", "9"}}),
                                    "[t]");
  EXPECT_EQ(mpirun->rank, 2);
  EXPECT_EQ(mpirun->size, 4);
  EXPECT_TRUE(mpirun->in_step);
  // In the script of a job Slurm's variables are set, but srun has started nothing.
  EXPECT_FALSE(launched_rank(with({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "9"}}), "[t]")->in_step);
  EXPECT_TRUE(
      launched_rank(with({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "9"}, {"SLURM_STEP_ID", "0"}}), "[t]")
          ->in_step);
  // An interactive step of one task in a job of nine.
  EXPECT_EQ(launched_rank(with({{"SLURM_PROCID", "0"},
                                {"SLURM_NTASKS", "9"},
                                {"SLURM_STEP_ID", "0"},
                                {"SLURM_STEP_NUM_TASKS", "1"}}),
                          "[t]")
                ->size,
            1);
  EXPECT_THROW(launched_rank(with({{"PMI_RANK", "4"}, {"PMI_SIZE", "4"}}), "[t]"), ConfigError);
  EXPECT_THROW(launched_rank(with({{"PMI_RANK", "-1"}, {"PMI_SIZE", "4"}}), "[t]"), ConfigError);
}

}  // namespace
}  // namespace primal
