#include "apps/scaling/step_model.h"

#include <algorithm>
#include <numeric>

#include "apps/training/divided_step.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr double kAgreeBytes = 16.0;  // DividedStep::Agreed

// The processor and the link of one rank, in ms; every rank does the same at the same time.
class Timeline {
 public:
  Timeline(const StepParts& parts, const MessageModel& messages, int64_t ranks)
      : parts_(parts), messages_(messages), others_(static_cast<double>(ranks - 1)), ranks_(ranks) {
    arrives_.assign(parts.buckets.size(), 0.0);
    gathered_.assign(parts.buckets.size(), -1.0);
  }

  // The end of the last message, counted from the start of backward.
  double run(bool overlaps) {
    double seen = 0.0;  // of the backward pass without messages
    for (const double moment : moments(overlaps)) {
      now_ += moment - seen;
      seen = moment;
      for (; n_sent_ < parts_.buckets.size() && parts_.buckets[n_sent_].ready_ms <= moment && overlaps;
           ++n_sent_)
        arrives_[n_sent_] = start(n_sent_);
      for (size_t i = 0; i < n_sent_; ++i) {
        if (gathered_[i] < 0.0 && arrives_[i] <= now_) gathered_[i] = start(i);
      }
    }
    now_ += parts_.backward_ms - seen;
    finish();
    return now_ + 1e3 * messages_.exchange_s(ranks_ - 1, kAgreeBytes);
  }

 private:
  std::vector<double> moments(bool overlaps) const {
    std::vector<double> all;
    if (!overlaps) return all;
    all = parts_.progress_ms;
    for (const BucketTime& bucket : parts_.buckets) all.push_back(bucket.ready_ms);
    std::ranges::sort(all);
    return all;
  }

  // Returns when the messages of a phase of this bucket have arrived.
  double start(size_t i) {
    const double bytes = parts_.buckets[i].bytes / static_cast<double>(ranks_);
    now_ += 1e3 * (others_ - 1.0) * messages_.overhead_s;
    link_free_ = std::max(link_free_, now_) + 1e3 * others_ * bytes * messages_.beta_s;
    return link_free_ + 1e3 * messages_.latency_s(bytes);
  }

  void finish() {
    for (; n_sent_ < parts_.buckets.size(); ++n_sent_) arrives_[n_sent_] = start(n_sent_);
    for (size_t i = 0; i < n_sent_; ++i) {
      if (gathered_[i] < 0.0) {
        now_ = std::max(now_, arrives_[i]);
        gathered_[i] = start(i);
      }
      now_ = std::max(now_, gathered_[i]);
    }
  }

  const StepParts& parts_;
  const MessageModel& messages_;
  double others_;
  int64_t ranks_;
  double now_ = 0.0, link_free_ = 0.0;
  size_t n_sent_ = 0;
  std::vector<double> arrives_,
      gathered_;  // of each bucket: the end of its reduce-scatter and of its all-gather
};

ScalingRow row_of(const StepParts& parts, const MessageModel& messages, int64_t ranks, int64_t batch,
                  double alone_per_s, const BucketRule& buckets) {
  ScalingRow row{.ranks = ranks, .batch = batch, .share = static_cast<int64_t>(parts.share)};
  const double bytes = buckets ? buckets(ranks) : static_cast<double>(DividedStep::bucket_bytes(ranks));
  row.step = predict_step(with_buckets(parts, bytes), messages, ranks);
  row.pictures_per_s = 1e3 * static_cast<double>(batch) / row.step.step_ms;
  row.efficiency = row.pictures_per_s / (static_cast<double>(ranks) * alone_per_s);
  return row;
}

}  // namespace

double StepParts::gradient_bytes() const {
  return std::accumulate(buckets.begin(), buckets.end(), 0.0,
                         [](double sum, const BucketTime& b) { return sum + b.bytes; });
}

StepParts StepParts::scaled(double factor) const {
  StepParts all = *this;
  for (double* ms : {&all.before_ms, &all.backward_ms, &all.after_ms}) *ms *= factor;
  for (BucketTime& bucket : all.buckets) bucket.ready_ms *= factor;
  for (double& ms : all.progress_ms) ms *= factor;
  return all;
}

StepParts with_buckets(const StepParts& parts, double bytes) {
  StepParts joined = parts;
  joined.buckets.clear();
  for (const BucketTime& bucket : parts.buckets) {
    if (joined.buckets.empty() || joined.buckets.back().bytes >= bytes) {
      joined.buckets.push_back(bucket);
    } else {
      joined.buckets.back().bytes += bucket.bytes;
      joined.buckets.back().ready_ms = bucket.ready_ms;
    }
  }
  return joined;
}

StepParts at_share(const StepParts& small, const StepParts& large, double share) {
  if (small.buckets.size() != large.buckets.size() || small.progress_ms.size() != large.progress_ms.size())
    throw ShapeError("[profile] two shares of one step have {} and {} buckets, {} and {} gradients",
                     small.buckets.size(), large.buckets.size(), small.progress_ms.size(),
                     large.progress_ms.size());
  if (large.share <= small.share) {
    StepParts parts = small.scaled(share / small.share);
    parts.share = share;
    return parts;
  }
  const double t = (share - small.share) / (large.share - small.share);
  const auto between = [&](double a, double b) {
    return std::max(a + t * (b - a), 0.1 * a * std::min(1.0, share / small.share));
  };
  StepParts parts = small;
  parts.share = share;
  parts.before_ms = between(small.before_ms, large.before_ms);
  parts.backward_ms = between(small.backward_ms, large.backward_ms);
  parts.after_ms = between(small.after_ms, large.after_ms);
  const auto inside = [&](double a, double b) { return std::min(between(a, b), parts.backward_ms); };
  for (size_t i = 0; i < parts.buckets.size(); ++i)
    parts.buckets[i].ready_ms = inside(small.buckets[i].ready_ms, large.buckets[i].ready_ms);
  for (size_t i = 0; i < parts.progress_ms.size(); ++i)
    parts.progress_ms[i] = inside(small.progress_ms[i], large.progress_ms[i]);
  return parts;
}

StepPrediction predict_step(const StepParts& parts, const MessageModel& messages, int64_t ranks) {
  if (ranks < 1) throw ConfigError("[profile] a step on {} ranks; expected at least 1", ranks);
  const double compute = parts.step_ms();
  if (ranks == 1) return {compute, compute, compute};
  const double rest = parts.before_ms + parts.after_ms;
  return {compute, rest + Timeline(parts, messages, ranks).run(true),
          rest + Timeline(parts, messages, ranks).run(false)};
}

std::vector<ScalingRow> fixed_batch(const StepParts& small, const StepParts& large,
                                    const MessageModel& messages, const std::vector<int64_t>& ranks,
                                    int64_t batch, const BucketRule& buckets) {
  const auto pictures = static_cast<double>(batch);
  const double alone = 1e3 * pictures / at_share(small, large, pictures).step_ms();
  std::vector<ScalingRow> rows;
  for (const int64_t n : ranks) {
    if (n > batch) continue;
    const int64_t share = (batch + n - 1) / n;
    rows.push_back(
        row_of(at_share(small, large, static_cast<double>(share)), messages, n, batch, alone, buckets));
  }
  return rows;
}

std::vector<ScalingRow> fixed_share(const StepParts& small, const StepParts& large,
                                    const MessageModel& messages, const std::vector<int64_t>& ranks,
                                    int64_t share, const BucketRule& buckets) {
  const StepParts parts = at_share(small, large, static_cast<double>(share));
  const double alone = 1e3 * static_cast<double>(share) / parts.step_ms();
  std::vector<ScalingRow> rows;
  for (const int64_t n : ranks) rows.push_back(row_of(parts, messages, n, n * share, alone, buckets));
  return rows;
}

}  // namespace primal
