// Messages between ranks as a line in their size, and a divided step predicted from them: apps/scaling.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "apps/scaling/lone_rank.h"
#include "apps/scaling/measure_messages.h"
#include "apps/scaling/message_model.h"
#include "apps/scaling/step_model.h"
#include "apps/scaling/step_parts.h"
#include "apps/scaling/tables.h"
#include "apps/training/divided_step.h"
#include "support/text.h"
#include "support/thread_ranks.h"

namespace primal {
namespace {

using testing::has;
using testing::ThreadRanks;

// What operations among so many ranks would take if the model were the truth.
std::vector<MessageTime> rows_of(const MessageModel& truth, int64_t ranks) {
  std::vector<MessageTime> rows;
  const auto add = [&](MessageTime row) {
    row.us.median = predicted_us(truth, row);
    rows.push_back(std::move(row));
  };
  for (const int64_t bytes : {4, 1024, 16384, 65536, 1 << 20, 4 << 20}) {
    const auto m = static_cast<double>(bytes);
    add({"exchange", bytes, {{1, m}}, 0.0, {}, 2.0});
    if (ranks > 2) add({"exchange", bytes, {{ranks - 1, m}}, 0.0, {}, 0.0});
    const MessagePhase part{ranks - 1, m / static_cast<double>(ranks)};
    add({"all_reduce", bytes, {part, part}, m, {}, 0.0});
  }
  return rows;
}

TEST(MessageFit, FindsTheCoefficientsThatMadeTheTimes) {
  const MessageModel truth{.alpha_s = 20e-6, .overhead_s = 3e-6, .beta_s = 4e-10, .gamma_s = 1e-10};
  const MessageFit fit = fit_messages(rows_of(truth, 8));
  EXPECT_NEAR(fit.model.alpha_s, truth.alpha_s, 1e-6 * truth.alpha_s);
  EXPECT_NEAR(fit.model.overhead_s, truth.overhead_s, 1e-6 * truth.overhead_s);
  EXPECT_NEAR(fit.model.beta_s, truth.beta_s, 1e-6 * truth.beta_s);
  EXPECT_NEAR(fit.model.gamma_s, truth.gamma_s, 1e-6 * truth.gamma_s);
  EXPECT_LT(fit.rms, 1e-6);
  EXPECT_TRUE(fit.overhead_is_fitted);
}

TEST(MessageFit, FindsWhereLongMessagesBeginToNeedMore) {
  const MessageModel truth{
      .alpha_s = 1e-3, .extra_s = 2e-3, .overhead_s = 1e-5, .beta_s = 8e-8, .split_bytes = 65536};
  const MessageFit fit = fit_messages(rows_of(truth, 4));
  EXPECT_NEAR(fit.model.extra_s, truth.extra_s, 1e-6);
  EXPECT_NEAR(fit.model.alpha_s, truth.alpha_s, 1e-6);
  EXPECT_GE(fit.model.split_bytes, 65536.0);
  EXPECT_LT(fit.model.split_bytes, 1 << 20);
}

TEST(MessageFit, TellsTheDeviationsOfTimesThatAreNoLine) {
  const MessageModel truth{.alpha_s = 20e-6, .overhead_s = 3e-6, .beta_s = 4e-10};
  std::vector<MessageTime> rows = rows_of(truth, 8);
  rows[3].us.median *= 2.0;
  const MessageFit fit = fit_messages(rows);
  EXPECT_EQ(fit.worst_row, 3U);
  EXPECT_GT(fit.worst, 0.25);
  EXPECT_GT(fit.rms, 0.05);
  EXPECT_NEAR(fit.model.beta_s, truth.beta_s, 0.2 * truth.beta_s) << "one wrong row of eighteen";
}

TEST(MessageFit, HasNoCoefficientBelowZero) {
  std::vector<MessageTime> rows = rows_of({.alpha_s = 20e-6}, 2);
  for (MessageTime& row : rows)
    row.us.median /= 1.0 + 1e-7 * static_cast<double>(row.bytes);  // faster when longer
  const MessageModel model = fit_messages(rows).model;
  for (const double c : {model.alpha_s, model.extra_s, model.overhead_s, model.beta_s, model.gamma_s})
    EXPECT_GE(c, 0.0);
}

TEST(MessageFit, TakesTheTimeOfStartingAMessageWhereTwoRanksDoNotShowTheRest) {
  const MessageFit fit = fit_messages(rows_of({.alpha_s = 20e-6, .beta_s = 4e-10}, 2));
  EXPECT_FALSE(fit.overhead_is_fitted);
  EXPECT_DOUBLE_EQ(fit.model.overhead_s, 2e-6);
}

TEST(MessageFit, RefusesWhatCannotBeFitted) {
  std::vector<MessageTime> rows = rows_of({.alpha_s = 20e-6}, 2);
  EXPECT_THROW(fit_messages({rows.begin(), rows.begin() + 3}), ConfigError);
  rows[1].us.median = 0.0;
  EXPECT_THROW(fit_messages(rows), ConfigError);
}

// A network of 3 ms and 10 MB/s between threads: what is measured there is what was built in. wait() looks
// less often the longer it waits, and threads of a busy machine wake late, which adds to the latency;
// sanitizers add time to each byte, which is little beside 100 ns.
TEST(MeasuredMessages, FindTheLatencyAndTheBandwidthOfANetwork) {
  for (const int n : {2, 4}) {
    ThreadRanks hub(n);
    hub.slow(3e-3, 1e-7);
    std::vector<MessageTime> rows;
    const auto errors = hub.run([&](Communicator& ranks) {
      const auto measured = measure_messages(
          ranks, {.bytes = {4, 16 << 10, 64 << 10, 128 << 10}, .rounds = 7, .min_time_ms = 0.0});
      if (ranks.is_first()) rows = measured;
    });
    for (const std::string& error : errors) EXPECT_EQ(error, "");
    const MessageFit fit = fit_messages(rows);
    EXPECT_GT(fit.model.alpha_s, 2.7e-3) << n;
    EXPECT_LT(fit.model.alpha_s, 10e-3) << n;
    EXPECT_GT(fit.model.beta_s, 0.7e-7) << n;
    EXPECT_LT(fit.model.beta_s, 3e-7) << n;
    EXPECT_LT(fit.rms, 0.5) << n;
    const std::string table = message_table(rows, fit);
    for (const char* part : {"all_reduce", "all_gather", "exchange", "fit: latency", "root mean square"})
      EXPECT_TRUE(has(table, part)) << table;
  }
}

TEST(MeasuredMessages, NeedTwoRanks) {
  LoneRank alone;
  EXPECT_THROW(measure_messages(alone, {}), ConfigError);
}

StepParts two_buckets() {
  return {.share = 1.0,
          .before_ms = 10.0,
          .backward_ms = 20.0,
          .after_ms = 1.0,
          .buckets = {{1e6, 5.0}, {1e6, 20.0}},
          .progress_ms = {5.0, 8.0, 14.0, 20.0}};
}

// By hand for two ranks, 2 ms latency, 4 ms for a million bytes. A phase moves half a bucket:
// 2 ms through the link, then 2 ms.
//   bucket 1   sent at 5, arrives at 9; seen at 14, its sum sent, arrives at 18
//   bucket 2   sent at 20, the end of backward, arrives at 24; its sum sent at 24, arrives at 28
//   agree      2 ms more: 30, where backward alone takes 20
TEST(StepModel, FollowsTheMessagesOfAStep) {
  const MessageModel network{.alpha_s = 2e-3, .beta_s = 4e-9};
  const StepPrediction two = predict_step(two_buckets(), network, 2);
  EXPECT_DOUBLE_EQ(two.compute_ms, 31.0);
  EXPECT_NEAR(two.step_ms, 31.0 + 10.0, 1e-3);
  // After backward: both sent at 20, arrive at 24 and 26; sums sent at 24 and, when the first has
  // arrived at 28, at 28, arrive at 32; agree.
  EXPECT_NEAR(two.without_overlap_ms, 31.0 + 14.0, 1e-3);
  EXPECT_NEAR(two.hidden(), 1.0 - 10.0 / 14.0, 1e-4);
}

TEST(StepModel, CountsTheProcessorsTimeForEachMessage) {
  const MessageModel network{.overhead_s = 1e-5};
  // Two phases of two buckets and the agreement: 5 (P - 2) o, none of which can be hidden.
  for (const int64_t n : {2, 4, 102, 1024}) {
    const StepPrediction step = predict_step(two_buckets(), network, n);
    EXPECT_NEAR(step.waited_ms(), 5.0 * static_cast<double>(n - 2) * 1e-2, 1e-9) << n;
    EXPECT_NEAR(step.messages_ms(), step.waited_ms(), 1e-9) << n;
  }
}

TEST(StepModel, OneRankSendsNothing) {
  const StepPrediction one = predict_step(two_buckets(), {.alpha_s = 1.0, .beta_s = 1.0}, 1);
  EXPECT_DOUBLE_EQ(one.step_ms, 31.0);
  EXPECT_DOUBLE_EQ(one.messages_ms(), 0.0);
  EXPECT_DOUBLE_EQ(one.hidden(), 0.0);
  EXPECT_THROW(predict_step(two_buckets(), {}, 0), ConfigError);
}

TEST(StepModel, SharesLieOnALineThroughTwoMeasurements) {
  const StepParts small = two_buckets();
  StepParts large = small.scaled(3.0);
  large.share = 4.0;
  large.after_ms = small.after_ms;  // Adam does not depend on the share
  const StepParts two = at_share(small, large, 2.0);
  EXPECT_DOUBLE_EQ(two.share, 2.0);
  EXPECT_NEAR(two.backward_ms, 20.0 + 40.0 / 3.0, 1e-9);
  EXPECT_NEAR(two.after_ms, 1.0, 1e-9);
  EXPECT_NEAR(at_share(small, large, 4.0).step_ms(), large.step_ms(), 1e-9);
  EXPECT_NEAR(two.buckets[0].ready_ms, 5.0 + 10.0 / 3.0, 1e-9);
  large.buckets.pop_back();
  EXPECT_THROW(at_share(small, large, 2.0), ShapeError);
}

TEST(StepModel, LargerBucketsAreFewerMessagesAndLessOverlap) {
  StepParts parts = two_buckets();
  parts.buckets = {{1e6, 5.0}, {1e6, 10.0}, {2e6, 15.0}, {1e6, 20.0}};
  const StepParts joined = with_buckets(parts, 1.5e6);
  ASSERT_EQ(joined.buckets.size(), 3U);
  EXPECT_EQ(joined.buckets[0].bytes, 2e6);
  EXPECT_EQ(joined.buckets[0].ready_ms, 10.0) << "complete when the last gradient is";
  EXPECT_EQ(with_buckets(parts, 1.0).buckets.size(), 4U);
  const StepParts one = with_buckets(parts, 1e9);
  ASSERT_EQ(one.buckets.size(), 1U);
  EXPECT_EQ(one.gradient_bytes(), parts.gradient_bytes());
  const MessageModel slow_link{.beta_s = 1e-9}, slow_messages{.overhead_s = 1e-6};
  EXPECT_LT(predict_step(parts, slow_link, 8).step_ms, predict_step(one, slow_link, 8).step_ms);
  EXPECT_GT(predict_step(parts, slow_messages, 1024).step_ms, predict_step(one, slow_messages, 1024).step_ms);
  EXPECT_EQ(DividedStep::bucket_bytes(2), size_t{1} << 20);
  EXPECT_EQ(DividedStep::bucket_bytes(64), size_t{1} << 20);
  EXPECT_EQ(DividedStep::bucket_bytes(256), size_t{4} << 20);
  // What training chooses: one bucket of all five million bytes on so many ranks, and 1 MiB on a few.
  const std::vector<ScalingRow> chosen = fixed_share(parts, parts, slow_messages, {8, 1024}, 1);
  const std::vector<ScalingRow> small =
      fixed_share(parts, parts, slow_messages, {8, 1024}, 1, [](int64_t) { return 1.0; });
  EXPECT_LT(chosen[1].step.step_ms, small[1].step.step_ms);
  EXPECT_NEAR(chosen[1].step.waited_ms(), 3 * 1022 * 1e-3, 1e-9) << "two phases and the agreement";
}

TEST(StepModel, TablesOfRanks) {
  const StepParts small = two_buckets();
  StepParts large = small.scaled(2.0);
  large.share = 2.0;
  const MessageModel network{.alpha_s = 1e-3, .overhead_s = 1e-5, .beta_s = 1e-9};
  const std::vector<ScalingRow> batch = fixed_batch(small, large, network, {1, 2, 3, 8, 16}, 8);
  ASSERT_EQ(batch.size(), 4U) << "sixteen ranks would have more ranks than pictures";
  EXPECT_EQ(batch[2].share, 3);
  EXPECT_NEAR(batch[0].efficiency, 1.0, 1e-9);
  for (size_t i = 1; i < batch.size(); ++i) {
    EXPECT_LT(batch[i].efficiency, 1.0);
    EXPECT_GT(batch[i].pictures_per_s, batch[i - 1].pictures_per_s);
  }
  const std::vector<ScalingRow> share = fixed_share(small, large, network, {1, 1024}, 1);
  EXPECT_EQ(share[1].batch, 1024);
  EXPECT_NEAR(share[1].efficiency, share[0].step.step_ms / share[1].step.step_ms, 1e-9);
  EXPECT_TRUE(has(scaling_table(batch), "efficiency"));
  EXPECT_EQ(to_json(share).at(1).at("ranks"), 1024);
}

TrainingStepOptions small_step(int64_t batch) {
  TrainingStepOptions options;
  options.model.unet.filters = 4;
  options.model.n_iter = 4;
  options.size = 16;
  options.batch = batch;
  return options;
}

TEST(StepParts, AreThoseOfTheStep) {
  const TrainingStepOptions options = small_step(2);
  const StepParts parts = measure_step_parts(options, 3);
  EXPECT_EQ(parts.share, 2.0);
  EXPECT_GT(parts.before_ms, 0.0);
  EXPECT_GT(parts.after_ms, 0.0);
  TrainingStep step(options);
  EXPECT_EQ(parts.gradient_bytes(), 4.0 * static_cast<double>(step.model().n_parameters()));
  EXPECT_EQ(parts.progress_ms.size(), step.model().parameters().size()) << "one moment for each gradient";
  ASSERT_FALSE(parts.buckets.empty());
  for (const BucketTime& bucket : parts.buckets) {
    EXPECT_GT(bucket.ready_ms, 0.0);
    EXPECT_LE(bucket.ready_ms, parts.backward_ms);
  }
  EXPECT_TRUE(std::ranges::is_sorted(parts.progress_ms));
}

TEST(DividedProfileStep, OfOneRankIsTheStepItself) {
  TrainingStep plain(small_step(2)), divided(small_step(2));
  LoneRank alone;
  DividedStep share(&alone, divided.model());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(divided.run(share, 2), plain.run()) << i;
}

TEST(DividedProfileStep, SendingAfterBackwardChangesNoBit) {
  std::vector<double> losses[2];
  for (const bool overlaps : {false, true}) {
    ThreadRanks hub(2);
    const auto errors = hub.run([&](Communicator& ranks) {
      TrainingStep step(small_step(1));
      DividedStep divided(&ranks, step.model(), through_host, 256);  // bytes: many buckets
      divided.set_overlap(overlaps);
      for (int i = 0; i < 3; ++i) {
        const double loss = step.run(divided, 2);
        if (ranks.is_first()) losses[overlaps].push_back(loss);
      }
    });
    for (const std::string& error : errors) EXPECT_EQ(error, "");
  }
  EXPECT_EQ(losses[0], losses[1]);
}

TEST(DividedProfileStep, WaitsAtLeastForTheMessagesThatNothingHides) {
  ThreadRanks hub(2);
  hub.slow(20e-3, 0.0);
  MeasuredStep measured;
  const auto errors = hub.run([&](Communicator& ranks) {
    const MeasuredStep own = measure_divided_step(ranks, small_step(2), 3);
    if (ranks.is_first()) measured = own;
  });
  for (const std::string& error : errors) EXPECT_EQ(error, "");
  EXPECT_GT(measured.without_overlap_ms.median, 60.0) << "reduce-scatter, all-gather, agreement";
  EXPECT_GT(measured.waited_without_ms, 50.0);
  EXPECT_GT(measured.with_overlap_ms.median, 40.0) << "the last bucket is complete only at the end";
  ThreadRanks crowd(3);
  for (const std::string& error :
       crowd.run([&](Communicator& ranks) { measure_divided_step(ranks, small_step(2), 1); }))
    EXPECT_TRUE(has(error, "3 ranks, but a step of 2 pictures")) << error;
}

}  // namespace
}  // namespace primal
