#include "apps/scaling/step_parts.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <sys/resource.h>

#include "apps/distributed/all_reduce.h"
#include "apps/scaling/lone_rank.h"
#include "apps/training/divided_step.h"
#include "tensor/range.h"

namespace primal {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kStepsBefore = 2;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// The processor time of all threads of this process, in the program and in the system.
double processor_ms() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto ms = [](const timeval& t) {
    return 1e3 * static_cast<double>(t.tv_sec) + 1e-3 * static_cast<double>(t.tv_usec);
  };
  return ms(used.ru_utime) + ms(used.ru_stime);
}

const RangeRecord& record_of(const std::vector<RangeRecord>& records, std::string_view name) {
  const auto found = std::ranges::find(records, name, &RangeRecord::name);
  if (found == records.end()) throw ConfigError("[profile] the step has no range '{}'", name);
  return *found;
}

StepParts parts_of(const std::vector<RangeRecord>& records, const std::vector<int64_t>& bucket_sizes) {
  const RangeRecord &step = record_of(records, "step"), &backward = record_of(records, "backward");
  const double backward_end = backward.start_us + backward.duration_us;
  StepParts parts;
  parts.before_ms = 1e-3 * (backward.start_us - step.start_us);
  parts.backward_ms = 1e-3 * backward.duration_us;
  parts.after_ms = 1e-3 * (step.start_us + step.duration_us - backward_end);
  std::vector<double> sent_ms;
  for (const RangeRecord& record : records) {
    const double at_ms = 1e-3 * (record.start_us - backward.start_us);
    if (record.name == "ranks.send_gradients") sent_ms.push_back(std::min(at_ms, parts.backward_ms));
    if (record.name == "ranks.advance") parts.progress_ms.push_back(std::min(at_ms, parts.backward_ms));
  }
  std::ranges::sort(sent_ms);
  std::ranges::sort(parts.progress_ms);
  for (size_t i = 0; i < sent_ms.size(); ++i)
    parts.buckets.push_back({static_cast<double>(bucket_sizes.at(i)) * sizeof(float), sent_ms[i]});
  return parts;
}

// Each number is the median over all rounds.
StepParts median_of(const std::vector<StepParts>& rounds) {
  const auto median = [&](const auto& number_of) {
    std::vector<double> values;
    for (const StepParts& round : rounds) values.push_back(number_of(round));
    return summarise(values).median;
  };
  StepParts parts = rounds.front();
  parts.before_ms = median([](const StepParts& p) { return p.before_ms; });
  parts.backward_ms = median([](const StepParts& p) { return p.backward_ms; });
  parts.after_ms = median([](const StepParts& p) { return p.after_ms; });
  for (size_t i = 0; i < parts.buckets.size(); ++i)
    parts.buckets[i].ready_ms = median([i](const StepParts& p) { return p.buckets.at(i).ready_ms; });
  for (size_t i = 0; i < parts.progress_ms.size(); ++i)
    parts.progress_ms[i] = median([i](const StepParts& p) { return p.progress_ms.at(i); });
  return parts;
}

}  // namespace

StepParts measure_step_parts(const TrainingStepOptions& options, int rounds) {
  LoneRank rank;
  TrainingStep step(options);
  DividedStep divided(&rank, step.model());
  std::vector<StepParts> measured;
  for (int i = 0; i < kStepsBefore + rounds; ++i) {
    const RangeRecorder recorder(options.device);
    {
      const Range range("step");
      step.run(divided, options.batch);
    }
    if (i >= kStepsBefore) measured.push_back(parts_of(recorder.records(), divided.bucket_sizes()));
  }
  StepParts parts = median_of(measured);
  parts.share = static_cast<double>(options.batch);
  return parts;
}

MeasuredStep measure_divided_step(Communicator& ranks, const TrainingStepOptions& options, int rounds) {
  const auto [begin, end] = part_range(options.batch, ranks.size(), ranks.rank());
  if (options.batch < ranks.size())
    throw ConfigError("[profile] {} ranks, but a step of {} pictures: give --batch {} or more", ranks.size(),
                      options.batch, ranks.size());
  TrainingStepOptions own = options;
  own.batch = end - begin;
  TrainingStep step(own), step_alone(own);
  LoneRank alone;
  DividedStep divided(&ranks, step.model()), undivided(&alone, step_alone.model());
  std::vector<double> times[2], waited[2];  // [0] without overlap, [1] with overlap
  std::vector<double> processor, times_alone;
  for (int i = 0; i < kStepsBefore + rounds; ++i) {
    ranks.barrier();
    const Clock::time_point began = Clock::now();
    step_alone.run(undivided, own.batch);
    if (i >= kStepsBefore) times_alone.push_back(ms_since(began));
    for (const bool overlaps : {false, true}) {
      divided.set_overlap(overlaps);
      ranks.barrier();
      const double waited_before = ranks.seconds_waited(), processor_before = processor_ms();
      const Clock::time_point start = Clock::now();
      step.run(divided, options.batch);
      if (i < kStepsBefore) continue;
      times[overlaps].push_back(ms_since(start));
      waited[overlaps].push_back(1e3 * (ranks.seconds_waited() - waited_before));
      if (overlaps) processor.push_back(processor_ms() - processor_before);
    }
  }
  MeasuredStep measured{summarise(times[1]),
                        summarise(times[0]),
                        std::ranges::max(ranks.all_gather_value(summarise(times_alone).median)),
                        summarise(waited[1]).median,
                        summarise(waited[0]).median,
                        0.0};
  for (const double ms : ranks.all_gather_value(summarise(processor).median)) measured.processor_ms += ms;
  return ranks.all_gather_value(measured).front();
}

}  // namespace primal
