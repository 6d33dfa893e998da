// Gradients added over NCCL by ranks with a fake device each, where something goes wrong.
#include <atomic>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <thread>

#include "support/fake_nccl/nccl_steps.h"
#include "support/text.h"

namespace primal {
namespace {

using fake_nccl::NcclResult;
using testing::Fault;
using testing::gradients_of;
using testing::has;
using testing::sums_by;
using testing::ThreadRanks;
using Strings = std::vector<std::string>;

class NcclFaults : public testing::NcclSteps {
 protected:
  // The errors of ranks that add two buckets in each of three steps. Faults of the hub go by host exchanges:
  // 3 for the names of the hosts, 1 for NCCL's id, and 1 in each step. Groups of NCCL: 4 before the first
  // step, and 4 in each.
  Strings errors_of(ThreadRanks& hub) {
    return hub.run([&](Communicator& ranks) {
      ranks.introduce("node", 100 + ranks.rank());
      try {
        sums_by(exchange, ranks, {{8}, {5}}, device_of(ranks.rank()), 3);
      } catch (const RankError& error) {
        if (!error.is_reported() && ranks.reports()) {
          ++n_reports_;
          if (error.is_lost()) ranks.say_lost(error);
        }
        throw;
      } catch (const Error& error) {
        ranks.say_farewell(error);
        throw;
      }
    });
  }

  std::atomic<int> n_reports_ = 0;  // ranks that would print the loss of a rank
};

TEST_F(NcclFaults, WhatNcclRefusesEndsAllRanksWithItsText) {
  for (const char* call : {"ncclGetUniqueId", "ncclCommInitRankConfig", "ncclGroupEnd", "ncclSend",
                           "ncclRecv", "ncclAllGather"}) {
    SCOPED_TRACE(call);
    const size_t guilty = std::string(call) == "ncclGetUniqueId" ? 0 : 1;
    streams_.fail(call, static_cast<int>(guilty), NcclResult::system_error);
    ThreadRanks hub(3);
    const Strings errors = errors_of(hub);
    EXPECT_TRUE(errors[guilty].starts_with("[nccl] NCCL could not ")) << errors[guilty];
    EXPECT_TRUE(has(errors[guilty], "a fault of the fake")) << errors[guilty];
    for (const size_t r : {size_t{0}, size_t{1}, size_t{2}}) {
      if (r == guilty) continue;
      EXPECT_EQ(errors[r], fmt::format("rank {} on node (process {}), step 0: {}", guilty, 100 + guilty,
                                       errors[guilty]));
    }
  }
}

TEST_F(NcclFaults, ARankThatDiesIsNamedWithItsStep) {
  for (const int64_t exchange : {3, 5, 6}) {  // before it has an id; in steps 2 and 3
    SCOPED_TRACE(exchange);
    ThreadRanks hub(3);
    hub.at(1, exchange, Fault::dies);
    const Strings errors = errors_of(hub);
    for (const size_t r : {size_t{0}, size_t{2}})
      EXPECT_EQ(errors[r], fmt::format("[ranks] step {}: rank 1 on node (process 101) ended unexpectedly",
                                       std::max(int64_t{0}, exchange - 3)));
    EXPECT_EQ(n_reports_.exchange(0), 1);
  }
}

TEST_F(NcclFaults, ARankThatDoesNotJoinInTimeIsNamed) {
  ThreadRanks hub(3, 0.5);
  hub.at(2, 3, Fault::hangs);
  const Strings errors = errors_of(hub);
  for (const size_t r : {size_t{0}, size_t{1}})
    EXPECT_TRUE(errors[r].starts_with("[ranks] step 0: no answer from rank 2 on node (process 102) for "))
        << errors[r];
}

TEST_F(NcclFaults, ADeviceThatIsGivenUpGoesOn) {
  streams_.hang(1, 4);
  ThreadRanks hub(2, 0.5);
  const Strings errors = hub.run([&](Communicator& ranks) {
    const Device device = device_of(ranks.rank());
    const std::unique_ptr<GradientExchange> sums = exchange(ranks, {8});
    for (int step = 0; step < 3; ++step) {
      const std::vector<Tensor> gradients = gradients_of(ranks, step, 0, {8}, device);
      sums->begin(0, gradients);
      sums->finish(0, gradients);
      try {
        sums->wait();
      } catch (const RankError&) {
        sums->abandon();
        EXPECT_EQ(gradients.front().to_doubles().size(), 8U) << "the device does not wait any more";
        throw;
      }
    }
  });
  for (const std::string& text : errors) EXPECT_TRUE(has(text, "their devices do not for ")) << text;
}

TEST_F(NcclFaults, ADeviceThatDoesNotAnswerEndsAll) {
  streams_.hang(1, 9);  // in step 2
  ThreadRanks hub(3, 0.5);
  const Strings errors = errors_of(hub);
  for (const std::string& text : errors)
    EXPECT_TRUE(text.starts_with("[ranks] step 2: every rank answers, but their devices do not for "))
        << text;
  EXPECT_EQ(n_reports_, 1);
}

// Its device stops in step 2, and when the others ask who is there, it does not answer.
TEST_F(NcclFaults, ARankThatStopsWhileTheDevicesAddIsNamed) {
  streams_.hang(1, 9);
  ThreadRanks hub(3, 0.5);
  hub.at(1, 6, Fault::hangs);
  const Strings errors = errors_of(hub);
  for (const size_t r : {size_t{0}, size_t{2}})
    EXPECT_TRUE(errors[r].starts_with("[ranks] step 2: no answer from rank 1 on node (process 101) for "))
        << errors[r];
  EXPECT_EQ(n_reports_, 1);
}

TEST_F(NcclFaults, AnErrorInTheBackgroundIsReportedOnce) {
  for (const int r : {1, 2}) streams_.break_at(r, 8, NcclResult::remote_error);
  ThreadRanks hub(3, 4.0);
  const Strings errors = errors_of(hub);
  const std::string expected =
      "[ranks] step 2: rank 1 on node (process 101): NCCL could not exchange gradients: remote process "
      "exited or there was a network error (socket closed)";
  EXPECT_EQ(errors, Strings(3, expected));
  EXPECT_EQ(n_reports_, 1);
}

TEST_F(NcclFaults, AnErrorInTheBackgroundIsThatOfTheRankThatCausedIt) {
  streams_.break_at(1, 8, NcclResult::remote_error);
  ThreadRanks hub(2, 4.0);
  const Strings errors = hub.run([&](Communicator& ranks) {
    ranks.introduce("node", 100 + ranks.rank());
    sums_by(exchange, ranks, {{8}, {5}}, device_of(ranks.rank()), ranks.rank() == 0 ? 1 : 3);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));  // it saves a checkpoint
    ranks.say_farewell(DataError("[test] a fault"));
  });
  EXPECT_EQ(errors, (Strings{"", "rank 0 on node (process 100), step 1: [test] a fault"}));
}

TEST_F(NcclFaults, AFaultOfTheDeviceIsTheErrorOfItsRank) {
  ThreadRanks hub(2);
  fake_cuda::fail("cudaEventQuery", cudaErrorLaunchFailure);
  const Strings errors = errors_of(hub);
  const size_t guilty = errors[0].starts_with("[cuda]") ? 0 : 1;
  EXPECT_TRUE(errors[guilty].starts_with("[cuda] could not look at a stream")) << errors[guilty];
  EXPECT_TRUE(has(errors[1 - guilty], errors[guilty])) << errors[1 - guilty];
}

}  // namespace
}  // namespace primal
