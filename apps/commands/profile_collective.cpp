#include "apps/commands/profile_collective.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "apps/commands/number_range.h"
#include "apps/distributed/ranks.h"
#include "apps/distributed/same_facts.h"
#include "apps/pictures/text_file.h"
#include "apps/profile/model_source.h"
#include "apps/scaling/measure_messages.h"
#include "apps/scaling/tables.h"
#include "apps/shell/json_text.h"
#include "apps/shell/machine_load.h"
#include "apps/shell/speaker.h"
#include "apps/shell/streams.h"
#include "tensor/error.h"
#include "tensor/op/implementation.h"

namespace primal {
namespace {

constexpr int64_t kLargestMeasuredShare = 8;

// The parts of a step for one picture and for a larger share, on the slowest rank.
struct MeasuredParts {
  StepParts small, large;
};

class CollectiveProfile {
 public:
  CollectiveProfile(const CollectiveOptions& options, const CollectiveRequest& request, Communicator* ranks)
      : options_(options), request_(request), ranks_(ranks) {}

  void run() {
    if (ranks_ != nullptr) {
      const bool chose_threads = request_.common.threads > 0 || std::getenv("OMP_NUM_THREADS") != nullptr;
      const std::string remark = share_processors(*ranks_, chose_threads);
      if (talks()) say("[ranks] {}\n", remark);
    }
    if (is_first() && !options_.output.empty()) check_result_file(options_.output, request_.overwrite);
    find_messages();
    if (request_.step || !options_.predict.empty()) find_steps();
    report_["load"] = to_json(watch_.so_far());
    if (const std::string remark = watch_.so_far().remark(); !remark.empty())
      text_ += fmt::format("\nwarning: {}\n         measure again on a quiet machine\n", remark);
    if (!is_first()) return;
    if (!options_.output.empty()) write_text(options_.output, json_text(report_, 2) + "\n");
    if (request_.common.json) {
      print_json(report_);
    } else {
      put_text(text_);
    }
  }

 private:
  bool is_first() const { return ranks_ == nullptr || ranks_->is_first(); }
  bool talks() const { return is_first() && !request_.common.quiet; }

  void find_messages() {
    if (!options_.network.empty()) {
      model_ = {.alpha_s = 1e-6 * options_.network[0],
                .overhead_s = 1e-6 * options_.network[1],
                .beta_s = 1e-9 / options_.network[2]};
      text_ += fmt::format("network as given: {}\n", model_text(model_));
      report_["network"] = to_json(model_);
      return;
    }
    MessageOptions measured;
    measured.rounds = std::max(request_.rounds, 5);
    measured.min_time_ms = request_.min_time_ms;
    const std::vector<MessageTime> rows = measure_messages(*ranks_, measured, [&](const std::string& row) {
      if (talks()) say("{}\n", row);
    });
    const MessageFit fit = fit_messages(rows);
    model_ = fit.model;
    const std::set<std::string> nodes(ranks_->hosts().begin(), ranks_->hosts().end());
    text_ += fmt::format("messages between {} ranks on {} node{}, times of the slowest rank\n\n",
                         ranks_->size(), nodes.size(), nodes.size() == 1 ? "" : "s");
    text_ += message_table(rows, fit);
    report_["ranks"] = ranks_->size();
    report_["nodes"] = nodes.size();
    report_["messages"] = to_json(rows, fit);
  }

  void find_steps() {
    step_of_ = step_options(request_.config, request_.size, request_.batch);
    const int64_t here = ranks_ == nullptr ? 1 : ranks_->size();
    int64_t share = (step_of_.batch + here - 1) / here;
    if (!request_.step) share = std::max({int64_t{2}, options_.share, std::min(step_of_.batch, int64_t{4})});
    const MeasuredParts parts = measure_parts(std::clamp(share, int64_t{2}, kLargestMeasuredShare));
    text_ += fmt::format(
        "\na step of {} x {} pixels, T = {}, on one rank: {} ms with 1 picture, {} ms with {}\n"
        "gradients of {} MB in {} bucket{}\n",
        step_of_.size, step_of_.size, step_of_.model.n_iter, number(parts.small.step_ms()),
        number(parts.large.step_ms()), parts.large.share, number(1e-6 * parts.small.gradient_bytes()),
        parts.small.buckets.size(), parts.small.buckets.size() == 1 ? "" : "s");
    report_["parts"] = {to_json(parts.small), to_json(parts.large)};
    if (request_.step) compare(parts);
    if (!options_.predict.empty()) predict(parts);
  }

  static std::string number(double value) { return fmt::format("{:.4g}", value); }

  // All ranks measure at the same time, as they compute at the same time in a training.
  MeasuredParts measure_parts(int64_t large) {
    if (talks()) say("steps of one rank with 1 and {} pictures\n", large);
    const auto measure = [&](int64_t share) {
      TrainingStepOptions own = step_of_;
      own.batch = share;
      if (ranks_ != nullptr) ranks_->barrier();
      StepParts parts = measure_step_parts(own, request_.rounds);
      if (ranks_ == nullptr) return parts;
      const std::vector<double> all = ranks_->all_gather_value(parts.step_ms());
      return parts.scaled(std::ranges::max(all) / parts.step_ms());
    };
    MeasuredParts parts{measure(1), measure(large)};
    if (options_.step_ms > 0.0) {
      const double factor = options_.step_ms / parts.small.step_ms();
      text_ +=
          fmt::format("\nall times of the step are multiplied by {}: one picture takes {} ms, as given\n",
                      number(factor), number(options_.step_ms));
      report_["times_multiplied_by"] = factor;
      parts = {parts.small.scaled(factor), parts.large.scaled(factor)};
    }
    return parts;
  }

  void compare(const MeasuredParts& parts) {
    if (talks()) say("steps of {} ranks with {} pictures\n", ranks_->size(), step_of_.batch);
    const MeasuredStep measured = measure_divided_step(*ranks_, step_of_, request_.rounds);
    const int64_t share = (step_of_.batch + ranks_->size() - 1) / ranks_->size();
    const StepParts own = at_share(parts.small, parts.large, static_cast<double>(share));
    const StepPrediction predicted =
        predict_step(own.scaled(measured.alone_ms / own.step_ms()), model_, ranks_->size());
    text_ += fmt::format("\n{} pictures on {} ranks; {} ms without messages\n\n", step_of_.batch,
                         ranks_->size(), number(predicted.compute_ms));
    text_ += step_table(measured, predicted);
    report_["step"] = to_json(measured, predicted);
  }

  void predict(const MeasuredParts& parts) {
    BucketRule buckets;
    if (options_.bucket_mb > 0.0) buckets = [this](int64_t) { return 1e6 * options_.bucket_mb; };
    const auto batch =
        fixed_batch(parts.small, parts.large, model_, options_.predict, step_of_.batch, buckets);
    const auto share =
        fixed_share(parts.small, parts.large, model_, options_.predict, options_.share, buckets);
    if (step_of_.batch > 1) {
      text_ += fmt::format("\npredicted, {} pictures a step on all ranks together\n\n", step_of_.batch);
      text_ += scaling_table(batch);
    }
    text_ += fmt::format("\npredicted, {} picture{} a step on each rank\n\n", options_.share,
                         options_.share == 1 ? "" : "s");
    text_ += scaling_table(share);
    report_["predicted"] = {{"fixed_batch", to_json(batch)}, {"fixed_share", to_json(share)}};
  }

  const CollectiveOptions& options_;
  const CollectiveRequest& request_;
  Communicator* ranks_;
  LoadWatch watch_;
  MessageModel model_;
  TrainingStepOptions step_of_;
  std::string text_;
  nlohmann::json report_ = nlohmann::json::object();
};

void check(const CollectiveOptions& options, const CollectiveRequest& request) {
  if (!options.network.empty() && options.predict.empty())
    throw ConfigError("[profile] --network describes a network for predictions: give --predict-ranks too");
  if (!options.network.empty() && request.step)
    throw ConfigError("[profile] --step is measured between ranks: leave out --network");
  if (options.bucket_mb > 0.0 && options.predict.empty())
    throw ConfigError("[profile] --bucket-mb is for predictions: give --predict-ranks");
  if (options.step_ms > 0.0 && (options.predict.empty() || request.step))
    throw ConfigError("[profile] --step-ms is for predictions: give --predict-ranks, and leave out --step");
  if (!options.network.empty()) {
    const std::vector<double>& n = options.network;
    if (n.size() != 3 || !(n[0] >= 0.0) || !(n[1] >= 0.0) || !(n[2] > 0.0) ||
        !std::isfinite(n[0] + n[1] + n[2]))
      throw ConfigError(
          "[profile] --network {}: expected the latency in us, the us for each further message, and GB/s "
          "above zero, for example 2,0.3,24",
          fmt::join(n, ","));
  }
}

// What decides the sizes of messages and their number.
nlohmann::json facts_of(const CollectiveOptions& o, const CollectiveRequest& r) {
  return {{"--config", r.config},
          {"--step", r.step},
          {"--size", r.size},
          {"--batch", r.batch},
          {"--rounds", r.rounds},
          {"--min-time", r.min_time_ms},
          {"--predict-ranks", o.predict},
          {"--network", o.network},
          {"--step-ms", o.step_ms},
          {"--share", o.share},
          {"--bucket-mb", o.bucket_mb},
          {"--device", r.common.device},
          {"--precision", r.common.precision},
          {"--impl", r.common.impl}};
}

}  // namespace

void check_without_collective(const CollectiveOptions& options) {
  const CollectiveOptions none;
  if (!options.predict.empty() || !options.network.empty() || options.step_ms > 0.0 ||
      !options.output.empty() || options.share != none.share || options.bucket_mb > 0.0 ||
      options.timeout != none.timeout)
    throw ConfigError(
        "[profile] --predict-ranks, --network, --step-ms, --share, --bucket-mb, --timeout and -o need "
        "--collective");
}

void profile_collective(const CollectiveOptions& options, const CollectiveRequest& request) {
  check(options, request);
  Communicator* const ranks = join_ranks("auto", options.timeout);
  if (ranks == nullptr && options.network.empty()) {
    throw ConfigError(
        "[profile] --collective measures messages between processes, and this is the only one: start it as "
        "`mpirun -n 2 primal profile --collective`, or describe a network with --network and "
        "--predict-ranks");
  }
  on_ranks(ranks, [&] {
    if (ranks != nullptr) check_same_facts(*ranks, facts_of(options, request), "measure alike");
    const Device device = request.common.apply();
    if (!device.is_cpu())
      throw ConfigError("[profile] --collective measures on the processor: leave out --device {}",
                        device.str());
    const ImplementationScope forced(request.common.forced());
    CollectiveProfile(options, request, ranks).run();
  });
}

void add_collective_options(CLI::App& command, CollectiveOptions& options) {
  command.add_flag("--collective", options.wanted,
                   "measure messages between the ranks of mpirun or srun, and fit latency and bandwidth; "
                   "with --step also measure the step that they take together");
  command
      .add_option("--predict-ranks", options.predict,
                  "with --collective: predict the training step on these numbers of ranks, for example "
                  "1,2,4,1024")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(whole_range(1, 1'000'000));
  command
      .add_option("--network", options.network,
                  "with --predict-ranks: predict for this network, not for the measured one: latency in us, "
                  "us for each further message, GB/s of a rank")
      ->delimiter(',')
      ->allow_extra_args(false);
  command
      .add_option(
          "--step-ms", options.step_ms,
          "with --predict-ranks: the time of a step of one picture on one rank, instead of the measured "
          "one")
      ->check(number_range(1e-6, 1e9));
  command
      .add_option("--share", options.share,
                  "with --predict-ranks: pictures on each rank, for a batch that grows with the ranks")
      ->check(whole_range(1, 4096))
      ->capture_default_str();
  command
      .add_option(
          "--bucket-mb", options.bucket_mb,
          "with --predict-ranks: send gradients in buckets of at least this many MB, not in those that "
          "training chooses")
      ->check(number_range(0.001, 1e6));
  command.add_option("-o,--output", options.output, "with --collective: JSON file for the results");
  command
      .add_option("--timeout", options.timeout,
                  "with --collective: seconds to wait for another rank before all ranks end, 1 to 86400")
      ->check(number_range(1, 86400))
      ->capture_default_str();
}

}  // namespace primal
