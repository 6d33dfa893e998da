// primal train: a configuration, a data set, and a loop that can be watched, stopped and resumed; on one
// process or on several ranks.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/commands/commands.h"
#include "apps/commands/train_output.h"
#include "apps/distributed/exchange_choice.h"
#include "apps/distributed/ranks.h"
#include "apps/pictures/results.h"
#include "apps/report/training_page.h"
#include "apps/shell/json_text.h"
#include "apps/shell/signals.h"
#include "apps/shell/streams.h"
#include "apps/shell/visible_text.h"
#include "apps/training/divided_step.h"
#include "apps/training/make_task.h"
#include "apps/training/model_choice.h"
#include "apps/training/progress.h"
#include "apps/training/run_lock.h"
#include "apps/training/run_plan.h"
#include "apps/training/same_training.h"
#include "apps/training/step_file.h"
#include "apps/training/trainer.h"
#include "tensor/error.h"

namespace primal {
namespace {

// Makes the folder of a training to see that it can be made, and takes away again what it made
// unless keep() is called.
class FolderTrial {
 public:
  explicit FolderTrial(const std::filesystem::path& folder) {
    std::error_code error;
    for (std::filesystem::path p = std::filesystem::absolute(folder, error).lexically_normal();
         !std::filesystem::exists(p, error) && p.has_relative_path(); p = p.parent_path()) {
      if (p.has_filename()) made_.push_back(p);
    }
    make_result_folder(folder);
  }
  ~FolderTrial() {
    std::error_code error;
    for (const std::filesystem::path& p : made_)
      std::filesystem::remove(p, error);  // the innermost first, if empty
  }
  FolderTrial(const FolderTrial&) = delete;
  FolderTrial& operator=(const FolderTrial&) = delete;
  void keep() { made_.clear(); }

 private:
  std::vector<std::filesystem::path> made_;
};

// A step that went wrong, once more: NumericError if it does again.
void reproduce(const std::string& file, Device device, bool json) {
  const Reproduced r = reproduce_step(file, device);
  if (json) {
    print_json({{"step", r.file.step},
                {"pictures", r.file.pictures},
                {"found_then", r.file.found},
                {"found", r.found_now}});
  }
  const std::string where = fmt::format("step {}, picture {}", r.file.step, r.file.pictures);
  if (!r.found_now.empty()) throw NumericError("[train] {}: {}", where, r.found_now);
  if (!json) put("{}: everything is finite this time; the original failure was: {}\n", where, r.file.found);
}

// The devices of a node are dealt out to its ranks, unless one was named.
std::string device_of_rank(const CommonOptions& common, const Communicator& ranks) {
  const Device chosen = common.resolve_device();
  if (common.device != "auto" || chosen.kind != Device::Kind::cuda) return common.device;
  const std::vector<DeviceInfo> all = devices();
  const auto n =
      std::ranges::count(all, Device::Kind::cuda, [](const DeviceInfo& d) { return d.device.kind; });
  return fmt::format("cuda:{}", ranks.rank_on_host() % n);
}

// A page that is not of a training of this folder is somebody's work.
void check_report(const ResolvedTraining& resolved, const TrainOptions& options) {
  const std::filesystem::path report = std::filesystem::path(resolved.settings.config.output) / kReportFile;
  std::error_code error;
  if (options.dry_run || options.overwrite || resolved.exists() || !std::filesystem::exists(report, error))
    return;
  throw ConfigError("[train] {} exists and is not of a training there; give --overwrite or another --output",
                    report.string());
}

// What can be refused before anything is tried or printed: the folder and the weights to start from.
void check_output(const ResolvedTraining& resolved, const TrainOptions& options) {
  const TrainConfig& config = resolved.settings.config;
  // Whoever is at work there is the first thing to know; the training itself takes the lock again.
  if (!options.dry_run && resolved.exists()) const RunLock probe(config.output);
  if (resolved.exists() && !options.resume && !options.overwrite && !options.dry_run) {
    throw ConfigError(
        "[train] {} already contains a training; give --resume, --overwrite or another --output",
        config.output);
  }
  check_report(resolved, options);
}

// The training itself; rank 0 keeps the page up to date and prints.
TrainResult run_training(const ResolvedTraining& resolved, const TrainOptions& options, Task& task,
                         Communicator* ranks, const ExchangeChoice& choice) {
  const TrainConfig& config = resolved.settings.config;
  const bool talk = !options.common.quiet;
  const StopSignals signals;
  const MakeExchange exchange = exchange_of(choice, task.model().device());
  if (ranks != nullptr && !ranks->is_first())
    return train(
        task, resolved.settings, options.resume, signals.caught(), [](const TrainEvent&) {}, {}, ranks,
        exchange);
  const Progress progress(talk ? parse_progress(options.progress) : ProgressMode::none,
                          config.training.batch);
  const auto remark = [&](const std::string& text) {
    if (talk) say("  note: {}\n", text);
  };
  TrainingPage page(config.output, task, remark);
  const TrainResult result = train_with_page(
      task, resolved.settings, options.resume, signals.caught(), page,
      [&](const TrainEvent& e) { progress.show(e); }, remark, ranks, exchange);
  print_result(result, options, resolved.last(), page, task.model().device(), ranks, choice);
  return result;
}

// What changes results besides the configuration.
std::map<std::string, std::string> computing_options(const TrainOptions& options, Device device) {
  const CommonOptions& common = options.common;
  return {{"--precision", common.precision},
          {"--impl", fmt::format("{}", fmt::join(common.impl, " "))},
          {"the file of --plan", std::filesystem::path(common.plan).filename().string()},
          {"the device", device.is_cpu()                     ? "cpu"
                         : device.kind == Device::Kind::simt ? "simt"
                                                             : "cuda"},
          {"--exchange", options.exchange},
          {"--dry-run", options.dry_run ? "given" : "not given"}};
}

// How the ranks add their gradients, which is printed.
ExchangeChoice exchange_choice(const TrainOptions& options, Device device, Communicator* ranks) {
  if (ranks == nullptr) {
    if (options.exchange == "nccl")
      throw ConfigError(
          "[train] --exchange nccl is for several processes (mpirun, srun), and this one trains alone");
    return {};
  }
  const ExchangeChoice choice = choose_exchange(*ranks, options.exchange, exchange_facts(device));
  if (!options.common.quiet) say("[ranks] {}\n", visible_message(choice.why));
  return choice;
}

void train_as_rank(const TrainOptions& given, Communicator* ranks) {
  TrainOptions options = with_run_folder(given);
  const bool writes = ranks == nullptr || ranks->is_first();
  const bool chose_threads = options.common.threads > 0 || std::getenv("OMP_NUM_THREADS") != nullptr;
  if (ranks != nullptr) options.common.device = device_of_rank(options.common, *ranks);
  const Device device = options.common.apply();
  const ImplementationScope forced(options.common.forced());
  if (!options.reproduce.empty()) return reproduce(options.reproduce, device, options.common.json);
  if (options.resume && options.overwrite)
    throw ConfigError(
        "[train] --resume continues a training, --overwrite starts afresh: give only one of them");
  const ResolvedTraining resolved = resolve(options);
  if (options.print_config) return print_config(resolved.settings, options.common.json);
  if (ranks != nullptr) {
    const std::string remark = share_processors(*ranks, chose_threads);
    if (!options.common.quiet) say("[ranks] {}\n", remark);
  }
  const TrainConfig& config = resolved.settings.config;
  std::optional<FolderTrial> folder;
  if (writes) {
    check_output(resolved, options);
    folder.emplace(config.output);
  }
  if (!options.resume && !config.training.init.empty()) find_model_file(config.training.init);
  const std::unique_ptr<Task> task =
      make_task(config, device, options.check_data ? PictureCheck::decode : PictureCheck::headers);
  if (!options.resume && !config.training.init.empty())
    load_initial_weights(config.training.init, task->model(), config);
  check_length(resolved, n_steps_of(config, task->n_samples()));
  if (ranks != nullptr) {
    check_same_training(*ranks, config, *task, resolved.state.step, computing_options(options, device));
    DividedStep(ranks, task->model()).check_batch(config.training.batch, task->n_samples());
  }
  const ExchangeChoice exchange = exchange_choice(options, device, ranks);
  const std::string too_large = does_not_fit(config_of_part(config, *task, ranks), *task);
  if (writes) print_start(resolved, options, *task, too_large, ranks);
  if (!too_large.empty()) throw DeviceError("[train] {}", too_large);
  if (options.dry_run) return;
  if (folder) folder->keep();
  const TrainResult result = run_training(resolved, options, *task, ranks, exchange);
  const bool talk = !options.common.quiet;
  if (result.stopped_by != 0) {
    if (talk) say("continue with: primal train --resume -o {}\n", config.output);
    throw Stopped(result.stopped_by);
  }
  if (talk) print_next(config, task->metric_names().front(), result);
}

void train_command(const TrainOptions& options) {
  Communicator* const ranks = join_ranks(options.distributed, options.timeout);
  on_ranks(ranks, [&] { train_as_rank(options, ranks); });
}

}  // namespace

void add_train_command(CLI::App& program) {
  auto options = std::make_shared<TrainOptions>();
  CLI::App* command = program.add_subcommand("train", "train a model");
  add_train_options(*command, *options);
  command->callback([options] { train_command(*options); });
}

}  // namespace primal
