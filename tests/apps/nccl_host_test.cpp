// Gradients added over NCCL by ranks with a fake device each: the sums, and what waits for what.
#include <atomic>
#include <gtest/gtest.h>
#include <thread>

#include "apps/distributed/host_exchange.h"
#include "support/fake_nccl/nccl_steps.h"

namespace primal {
namespace {

using testing::gradients_of;
using testing::Sizes;
using testing::sums_by;
using testing::ThreadRanks;
using Strings = std::vector<std::string>;

class NcclHost : public testing::NcclSteps {};

TEST_F(NcclHost, TheSumsHaveTheBitsOfThoseThroughTheHost) {
  // One element for all, fewer than ranks, odd ones, and more tensors than one launch takes.
  const Sizes sizes{{1}, {3, 2}, {1000, 1, 77}, std::vector<int64_t>(70, 5), {513}};
  for (const int size : {1, 2, 3, 4, 8}) {
    SCOPED_TRACE(size);
    ThreadRanks hub(size);
    const Strings errors = hub.run([&](Communicator& ranks) {
      const auto expected = sums_by(through_host, ranks, sizes, Device{});
      const int64_t before = ranks.bytes_sent();
      EXPECT_EQ(sums_by(exchange, ranks, sizes, device_of(ranks.rank())), expected);
      EXPECT_EQ(ranks.bytes_sent() > before, size > 1);
    });
    EXPECT_EQ(errors, Strings(static_cast<size_t>(size)));
    EXPECT_EQ(streams_.n_communicators(), 0) << "each was destroyed";
  }
  EXPECT_EQ(streams_.n_aborted(), 0);
}

TEST_F(NcclHost, RanksThatComeLateAreWaitedFor) {
  const Sizes sizes{{40}, {9}};
  ThreadRanks hub(3);
  const Strings errors = hub.run([&](Communicator& ranks) {
    const auto expected = sums_by(through_host, ranks, sizes, Device{});
    std::this_thread::sleep_for(std::chrono::milliseconds(20 * ranks.rank()));
    EXPECT_EQ(sums_by(exchange, ranks, sizes, device_of(ranks.rank())), expected);
  });
  EXPECT_EQ(errors, Strings(3));
}

TEST_F(NcclHost, TheDeviceComputesWhileMessagesAreUnderWay) {
  ThreadRanks hub(2);
  std::atomic<bool> has_waited = false;
  const Strings errors = hub.run([&](Communicator& ranks) {
    const Device device = device_of(ranks.rank());
    const std::unique_ptr<GradientExchange> sums = exchange(ranks, {8});
    const std::vector<Tensor> first = gradients_of(ranks, 0, 0, {8}, device);
    sums->begin(0, first);
    sums->finish(0, first);
    sums->wait();
    // Rank 1 begins when rank 0 has waited for its own device, whose messages cannot have arrived then.
    while (ranks.rank() == 1 && !has_waited) std::this_thread::yield();
    const std::vector<Tensor> gradients = gradients_of(ranks, 1, 0, {8}, device);
    sums->begin(0, gradients);
    EXPECT_EQ(gradients.front().clone().to_doubles(),
              gradients_of(ranks, 1, 0, {8}, Device{}).front().to_doubles());
    has_waited = true;
    sums->finish(0, gradients);
    sums->wait();
    const double sum = gradients.front().to_doubles().front();
    EXPECT_EQ(ranks.all_gather_value(sum), std::vector<double>(2, sum));
  });
  EXPECT_EQ(errors, Strings(2));
}

TEST_F(NcclHost, SendsWithinItsBoundDuringBackwardAndInTheFirstStepAfterIt) {
  ThreadRanks hub(4);
  const Strings errors = hub.run([&](Communicator& ranks) {
    const std::unique_ptr<GradientExchange> sums = exchange(ranks, {4000});
    const std::vector<Tensor> gradients = gradients_of(ranks, 0, 0, {4000}, device_of(ranks.rank()));
    constexpr int64_t kStep = 2 * 3 * 1000 * 4;  // 2 (P - 1) / P n values of 4 bytes
    const int64_t before = ranks.bytes_sent();
    sums->begin(0, gradients);
    EXPECT_EQ(ranks.bytes_sent() - before, 0);
    sums->finish(0, gradients);
    EXPECT_EQ(ranks.bytes_sent() - before, kStep);
    sums->wait();
    sums->begin(0, gradients);
    EXPECT_EQ(ranks.bytes_sent() - before, 2 * kStep);
    sums->finish(0, gradients);
    sums->wait();
    EXPECT_EQ(ranks.bytes_sent() - before, 2 * kStep);
  });
  EXPECT_EQ(errors, Strings(4));
}

}  // namespace
}  // namespace primal
