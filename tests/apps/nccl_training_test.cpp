// The training loop with gradients that a fake of NCCL adds on the emulated device: ranks are threads of this
// process.
#include <filesystem>
#include <gtest/gtest.h>

#include "apps/distributed/exchange_choice.h"
#include "apps/distributed/nccl_exchange.h"
#include "apps/training/denoising_task.h"
#include "apps/training/trainer.h"
#include "data/safetensors/safetensors.h"
#include "support/fake_nccl/fake_nccl.h"
#include "support/resumed_training.h"
#include "support/temporary_folder.h"
#include "support/text.h"
#include "support/thread_ranks.h"
#include "support/tiny_training.h"

namespace primal {
namespace {

using fake_nccl::NcclResult;
using testing::Fault;
using testing::has;
using testing::never;
using testing::ThreadRanks;
using Strings = std::vector<std::string>;

MakeExchange by_nccl() {
  return over_nccl(fake_nccl::api(), Device::simt(), rank_sum_kernels_on(Device::simt()));
}

class NcclTraining : public ::testing::Test {
 protected:
  TrainConfig config(const std::string& folder, int64_t steps = 6) const {
    TrainConfig c = testing::tiny_training(folder_ / folder, steps);
    c.data.n_train = 5;  // batches of 3 and 2
    c.training.batch = 3;
    return c;
  }

  // What each rank ends with; the losses of rank 0 go to `losses`.
  Strings train_on(ThreadRanks& hub, const TrainConfig& c, const MakeExchange& exchange, bool resume = false,
                   std::vector<double>* losses = nullptr) const {
    return hub.run([&](Communicator& ranks) {
      ranks.introduce("node", 100 + ranks.rank());
      DenoisingTask task(c, Device::simt());
      try {
        train(
            task, c, resume, never,
            [&](const TrainEvent& e) {
              if (ranks.is_first() && losses != nullptr) losses->push_back(e.loss);
            },
            {}, &ranks, exchange);
      } catch (const RankError&) {
        throw;
      } catch (const Error& error) {
        ranks.say_farewell(error);
        throw;
      }
    });
  }
  static TensorMap last(const TrainConfig& c) {
    return Safetensors::read(std::filesystem::path(c.output) / "last.safetensors").tensors();
  }
  static void expect_same_bits(const TrainConfig& a, const TrainConfig& b) {
    const TensorMap x = last(a), y = last(b);
    for (const auto& [name, tensor] : x) EXPECT_EQ(tensor.to_doubles(), y.at(name).to_doubles()) << name;
  }

  const testing::TemporaryFolder folder_;
  fake_nccl::Streams streams_;
};

TEST_F(NcclTraining, HasTheBitsOfATrainingThroughTheHost) {
  for (const int size : {1, 3}) {
    SCOPED_TRACE(size);
    const TrainConfig host = config("host" + std::to_string(size)),
                      nccl = config("nccl" + std::to_string(size));
    std::vector<double> expected, found;
    ThreadRanks hub(size);
    const Strings none(static_cast<size_t>(size));
    EXPECT_EQ(train_on(hub, host, through_host, false, &expected), none);
    EXPECT_EQ(train_on(hub, nccl, by_nccl(), false, &found), none);
    EXPECT_EQ(found, expected);
    EXPECT_EQ(found.size(), 6U);
    expect_same_bits(host, nccl);
    EXPECT_EQ(streams_.n_communicators(), 0);
    EXPECT_EQ(streams_.n_aborted(), 0);
  }
}

TEST_F(NcclTraining, ALostRankLeavesACheckpointThatGoesOn) {
  const TrainConfig whole = config("whole");
  ThreadRanks sound(2);
  EXPECT_EQ(train_on(sound, whole, by_nccl()), Strings(2));
  int n_lost = 0;
  for (const int64_t when : {9, 12, 16}) {
    SCOPED_TRACE(when);
    const TrainConfig c = config("lost" + std::to_string(when));
    ThreadRanks hub(2);
    hub.at(1, when, Fault::dies);
    const Strings errors = train_on(hub, c, by_nccl());
    EXPECT_TRUE(has(errors[0], ": rank 1 on node (process 101) ended unexpectedly")) << errors[0];
    n_lost += has(errors[0], "step 0:") ? 0 : 1;
    EXPECT_EQ(train_on(sound, c, by_nccl(), true), Strings(2));
    expect_same_bits(whole, c);
  }
  EXPECT_GT(n_lost, 0) << "within the steps";
  EXPECT_EQ(streams_.n_communicators(), 0);
}

TEST_F(NcclTraining, ADeviceThatDoesNotAnswerEndsAllBeforeTheStepAndTheCheckpointGoesOn) {
  const TrainConfig whole = config("whole"), c = config("hangs");
  ThreadRanks sound(2);
  EXPECT_EQ(train_on(sound, whole, by_nccl()), Strings(2));
  streams_.hang(1, 2 + 2 * 2);  // 2 groups before the first step and in each: in step 3
  ThreadRanks hub(2, 2.0);
  const Strings errors = train_on(hub, c, by_nccl());
  EXPECT_TRUE(has(errors[0], "[ranks] step 3: ")) << errors[0];
  EXPECT_EQ(checkpoint_info(std::filesystem::path(c.output) / "last.safetensors").state.step, 2);
  streams_.hang(1, 1 << 30);
  EXPECT_EQ(train_on(sound, c, by_nccl(), true), Strings(2));
  expect_same_bits(whole, c);
}

TEST_F(NcclTraining, WhatNcclRefusesIsSaidBeforeTheFirstStep) {
  streams_.fail("ncclCommInitRankConfig", 1, NcclResult::invalid_usage);
  const TrainConfig c = config("refused");
  ThreadRanks hub(2);
  const Strings errors = train_on(hub, c, by_nccl());
  const std::string text =
      "[nccl] NCCL could not join the devices of the ranks: a fault of the fake; --exchange host trains "
      "without it";
  EXPECT_EQ(errors, (Strings{"rank 1 on node (process 101), step 0: " + text, text}));
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::path(c.output) / "last.safetensors"));
}

// Through the host, with a note of each call.
class NotedExchange : public GradientExchange {
 public:
  NotedExchange(std::unique_ptr<GradientExchange> inner, Strings& calls)
      : inner_(std::move(inner)), calls_(calls) {}
  void begin(size_t b, std::span<const Tensor> gradients) override {
    calls_.emplace_back("begin");
    inner_->begin(b, gradients);
  }
  void advance() override { inner_->advance(); }
  void finish(size_t b, std::span<const Tensor> gradients) override {
    calls_.emplace_back("finish");
    inner_->finish(b, gradients);
  }
  void wait() override { calls_.emplace_back("wait"); }
  void abandon() noexcept override { calls_.emplace_back("abandon"); }

 private:
  std::unique_ptr<GradientExchange> inner_;
  Strings& calls_;
};

// What a device needs: the host waits by wait() alone, in each step, and an error frees the device first.
TEST_F(NcclTraining, TheExchangeIsWaitedForInEachStepAndAbandonedOnAnError) {
  const TrainConfig c = config("calls");
  ThreadRanks hub(2);
  std::vector<Strings> calls(2);
  hub.run([&](Communicator& ranks) {
    DenoisingTask task(c);
    const MakeExchange noted = [&](Communicator& all, const std::vector<size_t>& sizes) {
      return std::make_unique<NotedExchange>(through_host(all, sizes),
                                             calls[static_cast<size_t>(ranks.rank())]);
    };
    const auto on_event = [&](const TrainEvent& e) {
      if (ranks.rank() == 1 && e.step == 3) throw DataError("[test] a fault");
    };
    try {
      train(task, c, false, never, on_event, {}, &ranks, noted);
    } catch (const DataError& error) {
      ranks.say_farewell(error);
    }
  });
  for (const Strings& names : calls) {
    ASSERT_GT(names.size(), 9U);
    for (auto step = names.begin(); step < names.begin() + 9; step += 3)
      EXPECT_EQ(Strings(step, step + 3), (Strings{"begin", "finish", "wait"}));
    EXPECT_EQ(names.back(), "abandon");
  }
}

ExchangeFacts device_at(const std::string& bus) { return {Device::cuda(), bus, 22809, ""}; }

// The choice of rank 0, and that all ranks make the same one. Ranks 0 and 1 are on node a, the others on node
// b.
struct Chosen {
  ExchangeChoice choice;
  Strings errors;
};
Chosen choose(const std::string& setting, const std::vector<ExchangeFacts>& facts) {
  ThreadRanks hub(static_cast<int>(facts.size()));
  std::vector<ExchangeChoice> all(facts.size());
  Chosen chosen;
  chosen.errors = hub.run([&](Communicator& ranks) {
    ranks.introduce(ranks.rank() < 2 ? "a" : "b", ranks.rank());
    const auto r = static_cast<size_t>(ranks.rank());
    all[r] = choose_exchange(ranks, setting, facts[r]);
  });
  chosen.choice = all.front();
  for (size_t r = 1; r < all.size(); ++r) {
    EXPECT_EQ(all[r].nccl, all.front().nccl);
    EXPECT_EQ(all[r].why, all.front().why);
    EXPECT_EQ(chosen.errors[r], chosen.errors.front());
  }
  return chosen;
}

TEST(ExchangeChoice, IsNcclWhereEachRankHasADeviceOfItsOwn) {
  const std::vector<ExchangeFacts> good{device_at("1B"), device_at("43"), device_at("1B")};
  for (const char* setting : {"auto", "nccl"}) {
    const Chosen chosen = choose(setting, good);
    EXPECT_TRUE(chosen.choice.nccl);
    EXPECT_EQ(chosen.choice.why, "gradients are added on the devices by NCCL 2.28.9");
  }
  const Chosen host = choose("host", good);
  EXPECT_FALSE(host.choice.nccl);
  EXPECT_EQ(host.choice.why, "gradients pass through the memory of the host: --exchange host");
}

TEST(ExchangeChoice, SaysWhyItIsTheHost) {
  std::vector<ExchangeFacts> cpu(3, device_at("1B")), shared{device_at("1B"), device_at("1B")},
      missing{device_at("1B"), device_at("43")}, versions = missing;
  cpu[1] = cpu[0];
  cpu[0] = {Device{}, "", 0, ""};
  missing[1].nccl_problem = "NCCL was not found";
  versions[1].nccl_version = 21805;
  const std::vector<std::pair<std::vector<ExchangeFacts>, std::string>> cases{
      {cpu, "rank 0 on a (process 0) computes on cpu, and NCCL is for CUDA devices"},
      {shared, "rank 0 on a (process 0) and rank 1 on a (process 1) share a device (1B)"},
      {missing, "rank 1 on a (process 1) cannot use NCCL: NCCL was not found"},
      {versions, "rank 0 on a (process 0) has NCCL 2.28.9, but rank 1 on a (process 1) has NCCL 2.18.5"}};
  for (const auto& [facts, why] : cases) {
    const Chosen chosen = choose("auto", facts);
    EXPECT_FALSE(chosen.choice.nccl);
    EXPECT_EQ(chosen.choice.why, "gradients pass through the memory of the host: " + why);
    EXPECT_EQ(choose("nccl", facts).errors.front(),
              "[ranks] --exchange nccl is not possible: " + why + "; choose --exchange auto or host");
  }
}

}  // namespace
}  // namespace primal
