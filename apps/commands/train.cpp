// primal train: a configuration, a data set, and a loop that can be watched, stopped and resumed.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <unistd.h>
#include <utility>

#include "apps/commands/commands.h"
#include "apps/commands/number_range.h"
#include "apps/distributed/ranks.h"
#include "apps/pictures/results.h"
#include "apps/report/training_page.h"
#include "apps/shell/is_folder.h"
#include "apps/shell/json_text.h"
#include "apps/shell/signals.h"
#include "apps/shell/streams.h"
#include "apps/training/denoising_loss.h"
#include "apps/training/divided_step.h"
#include "apps/training/make_task.h"
#include "apps/training/model_choice.h"
#include "apps/training/progress.h"
#include "apps/training/run_folder.h"
#include "apps/training/run_lock.h"
#include "apps/training/run_plan.h"
#include "apps/training/same_training.h"
#include "apps/training/step_file.h"
#include "apps/training/trainer.h"
#include "tensor/backend.h"
#include "tensor/error.h"

namespace primal {
namespace {

struct TrainOptions {
  CommonOptions common;
  std::string config_file;
  std::optional<std::string> data, output, init, log;
  std::optional<int64_t> steps, epochs, seed, overfit, keep;
  std::vector<std::string> set;
  std::string progress = "auto", reproduce;
  std::string distributed = "auto";
  double timeout = 300.0;
  bool resume = false, overwrite = false, dry_run = false, print_config = false, check_data = false;
};

// What the flags say, --set first, so that a flag of its own wins over it.
std::vector<FlagValue> flags_of(const TrainOptions& o) {
  std::vector<FlagValue> flags;
  for (const std::string& assignment : o.set) flags.push_back({assignment, "--set"});
  const auto add = [&](const char* key, const char* flag, const auto& value) {
    if (value) flags.push_back({fmt::format("{}={}", key, *value), flag});
  };
  add("data.folder", "--data", o.data);
  add("output", "--output", o.output);
  add("training.steps", "--steps", o.steps);
  add("training.epochs", "--epochs", o.epochs);
  add("seed", "--seed", o.seed);
  add("training.overfit", "--overfit", o.overfit);
  add("training.keep", "--keep", o.keep);
  add("training.init", "--init", o.init);
  add("training.log", "--log", o.log);
  return flags;
}

// What is to be trained, and, with --resume, where it stands and what differs from before.
struct Resolved {
  Settings settings;
  TrainingState state;
  std::vector<std::string> changes;
  std::filesystem::path last() const {
    return std::filesystem::path(settings.config.output) / kLastCheckpoint;
  }
  bool exists() const {
    std::error_code error;
    const bool found = std::filesystem::exists(last(), error);
    if (error)
      throw IoError("[train] cannot read the folder {}: {}", settings.config.output, error.message());
    return found;
  }
};

// A folder in the place of the configuration is that of a training: the one to go on with.
TrainOptions with_run_folder(TrainOptions options) {
  if (!is_folder(options.config_file)) return options;
  const std::string folder = std::exchange(options.config_file, "");
  if (!options.resume) {
    throw ConfigError(
        "[train] {} is a folder, expected a TOML file; to continue the training in it: primal train "
        "--resume -o {}",
        folder, folder);
  }
  if (options.output && *options.output != folder) {
    throw ConfigError("[train] --resume continues in one folder, but both {} and --output {} are given",
                      folder, *options.output);
  }
  options.output = folder;
  return options;
}

// Where the pictures of a training lie that was started in another folder: a relative data.folder is meant from there.
void find_data_again(Settings& settings, const TrainingState& state) {
  namespace fs = std::filesystem;
  std::string& folder = settings.config.data.folder;
  const fs::path from_start = fs::path(state.started_in) / folder;
  std::error_code error;
  if (folder.empty() || fs::path(folder).is_absolute() || state.started_in.empty() ||
      settings.origins.at("data.folder") != "checkpoint" || !fs::exists(from_start, error) ||
      fs::equivalent(from_start, folder, error))
    return;
  folder = from_start.lexically_normal().string();
}

Resolved resolve(const TrainOptions& options) {
  Resolved r;
  if (!options.config_file.empty()) apply_file(r.settings, options.config_file);
  apply_environment(r.settings, environ);
  apply_flags(r.settings, flags_of(options));
  expand_places(r.settings);
  if (!options.resume) check_owners(r.settings);
  if (options.resume) {
    if (!r.exists()) {
      throw IoError("[train] nothing to resume: {} does not exist", r.last().string());
    }
    const CheckpointInfo checkpoint = checkpoint_info(r.last());
    r.settings = resumed(r.settings, checkpoint.config, r.last().string(), r.changes);
    r.state = checkpoint.state;
    find_data_again(r.settings, r.state);
  }
  if (r.settings.config.output.empty())
    throw ConfigError("[config] output is empty: name a folder (--output)");
  TrainConfig::Noise& noise = r.settings.config.noise;
  if (noise.high == 0.0 && !r.settings.origins.contains("noise.low")) noise.low = 0.0;
  if (noise.low > noise.high) {
    throw ConfigError("[config] noise.low {} is above noise.high {}", noise.low, noise.high);
  }
  if (r.settings.config.task.kind == "denoise") check_denoising_loss(r.settings.config);
  if (!options.print_config) complete_config(r.settings.config);
  return r;
}

void print_config(const Settings& settings, bool json) {
  if (!json) {
    put_text(to_toml(settings));
    return;
  }
  nlohmann::json keys = config_to_json(settings.config);
  for (auto& [name, value] : keys.items()) {
    const auto origin = settings.origins.find(name);
    value = {{"value", value}, {"origin", origin == settings.origins.end() ? "default" : origin->second}};
  }
  print_json(keys);
}

// What the checkpoint is, what changes, and how much is left.
void print_resumed(const Resolved& r, int64_t n_steps) {
  say("resumes {}: step {} of {}\n", r.last().string(), r.state.step, n_steps);
  for (const std::string& change : r.changes) say("  {}\n", change);
  const TrainConfig::Training& training = r.settings.config.training;
  if (r.state.step >= n_steps) {
    say("warning: 0 steps left: the checkpoint is at step {} of {}; raise --steps or --epochs to continue\n",
        r.state.step, n_steps);
  } else if (training.patience > 0 && r.state.n_waited >= training.patience) {
    say("warning: 0 steps left: {} validations without a better one; raise training.patience to continue\n",
        r.state.n_waited);
  }
}

// A shorter training than what is done already cannot be meant, nor may the checkpoint keep its number.
void check_length(const Resolved& r, int64_t n_steps) {
  if (n_steps >= r.state.step) return;
  for (const char* key : {"training.steps", "training.epochs"}) {
    const auto origin = r.settings.origins.find(key);
    if (origin == r.settings.origins.end() || origin->second == "checkpoint") continue;
    throw ConfigError(
        "[train] {} ({}) ends the training after step {}, but {} is at step {} already: give more to "
        "continue, or another --output to start afresh",
        key, origin->second, n_steps, r.last().string(), r.state.step);
  }
}

// Makes the folder of a training to see that it can be made, and takes away again what it made unless keep() is called.
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

// The checkpoint to work with and what to do next.
void print_next(const TrainConfig& config, const std::string& metric, const TrainResult& result) {
  const std::string best = (std::filesystem::path(config.output) / kBestCheckpoint).string();
  if (result.best_step > 0)
    say("best: {}, validation {} after step {}\n", best,
        metric.ends_with("_db")         ? fmt::format("{:.2f} dB", result.best)
        : config.task.kind != "denoise" ? fmt::format("{:.4f}", result.best)
                                        : fmt::format("{} {:.4g}", metric, result.best),
        result.best_step);
  const std::string model =
      result.best_step > 0 ? best : (std::filesystem::path(config.output) / kLastCheckpoint).string();
  if (config.task.kind == "classify") return say("next: primal classify {} PICTURE.png\n", model);
  if (config.task.kind == "reconstruct") return say("next: primal denoise {} NOISY.png -o denoised\n", model);
  if (config.task.kind == "sequence")
    return say(
        "next: primal evaluate {} --data {} -o evaluation, primal denoise {} --sequence FRAMES -o denoised\n",
        model, config.data.folder.empty() ? "CLEAN_SEQUENCES" : config.data.folder, model);
  // Without a PSNR there was nothing clean to compare with, nor is there for an evaluation.
  if (!metric.ends_with("_db")) return say("next: primal denoise {} NOISY.png -o denoised\n", model);
  say("next: primal evaluate {} --data {} -o evaluation, primal denoise {} NOISY.png -o denoised\n", model,
      config.data.folder.empty() ? "CLEAN_PICTURES" : config.data.folder, model);
}

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
void check_report(const Resolved& resolved, const TrainOptions& options) {
  const std::filesystem::path report = std::filesystem::path(resolved.settings.config.output) / kReportFile;
  std::error_code error;
  if (options.dry_run || options.overwrite || resolved.exists() || !std::filesystem::exists(report, error))
    return;
  throw ConfigError("[train] {} exists and is not of a training there; give --overwrite or another --output",
                    report.string());
}

// What can be refused before anything is tried or printed: the folder and the weights to start from.
void check_output(const Resolved& resolved, const TrainOptions& options) {
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

// The configuration of one rank's part of a step, for what a step needs.
TrainConfig config_of_part(const TrainConfig& config, const Task& task, const Communicator* ranks) {
  TrainConfig part = config;
  const int64_t n = std::min(config.training.batch, task.n_samples());
  if (ranks != nullptr) part.training.batch = (n + ranks->size() - 1) / ranks->size();
  return part;
}

// Settings, plan and remarks.
void print_start(const Resolved& resolved, const TrainOptions& options, Task& task,
                 const std::string& too_large, const Communicator* ranks) {
  const TrainConfig& config = resolved.settings.config;
  const bool talk = !options.common.quiet;
  if (options.dry_run || (talk && too_large.empty())) {
    RunPlan plan = plan_run(config_of_part(config, task, ranks), task, resolved.state.step, too_large);
    plan.n_steps = n_steps_of(config, task.n_samples());
    plan.steps_done = std::min(resolved.state.step, plan.n_steps);
    const std::string text = options.dry_run && options.common.json ? json_text(to_json(plan), 2) + "\n"
                                                                    : to_text(resolved.settings, plan);
    options.dry_run ? put_text(text) : say_text(text);
  }
  if (!too_large.empty()) throw DeviceError("[train] {}", too_large);
  if (talk) {
    for (const std::string& remark : task.remarks())
      say_text(fmt::format("note: {}\n", visible_message(remark)));
  }
  if (talk && config.training.batch > task.n_samples())
    say("note: training.batch={}, but there are only {} pictures: each step uses all of them\n",
        config.training.batch, task.n_samples());
  if (talk && options.resume) print_resumed(resolved, n_steps_of(config, task.n_samples()));
}

// Of rank 0: how much of the training was spent on messages.
nlohmann::json ranks_json(const Communicator* ranks) {
  if (ranks == nullptr) return nullptr;
  return {
      {"n", ranks->size()}, {"seconds_waited", ranks->seconds_waited()}, {"bytes_sent", ranks->bytes_sent()}};
}

void print_result(const TrainResult& result, const TrainOptions& options, const std::filesystem::path& last,
                  const TrainingPage& page, Device device, const Communicator* ranks) {
  if (ranks != nullptr && !options.common.quiet) {
    say("[ranks] rank 0 waited {:.1f} s of {:.1f} s for messages and sent {:.1f} MB\n",
        ranks->seconds_waited(), result.seconds, static_cast<double>(ranks->bytes_sent()) / 1e6);
  }
  const double peak_mb = static_cast<double>(backend(device).stats().peak_bytes) / 1e6;
  if (options.common.json) {
    print_json({{"step", result.step},
                {"mean_loss", result.mean_loss},
                {"seconds", result.seconds},
                {"checkpoint", last.string()},
                {"report", page.file().string()},
                {"report_seconds", page.seconds()},
                {"peak_tensor_mb", peak_mb},
                {"ranks", ranks_json(ranks)},
                {"out_of_patience", result.out_of_patience},
                {"stopped_by", result.stopped_by},
                {"best_step", result.best_step},
                {"best", result.best_step > 0 ? nlohmann::json(result.best) : nlohmann::json()}});
    return;
  }
  put("{} after step {}: mean loss {:.4e}, {} in all, tensors at most {:.0f} MB\n{}\n{}\n",
      result.stopped_by != 0   ? "stopped"
      : result.out_of_patience ? "out of patience"
                               : "done",
      result.step, result.mean_loss, duration_text(result.seconds), peak_mb, last.string(),
      page.file().string());
}

// The training itself; rank 0 keeps the page up to date and prints.
TrainResult run_training(const Resolved& resolved, const TrainOptions& options, Task& task,
                         Communicator* ranks) {
  const TrainConfig& config = resolved.settings.config;
  const bool talk = !options.common.quiet;
  const StopSignals signals;
  if (ranks != nullptr && !ranks->is_first())
    return train(
        task, resolved.settings, options.resume, signals.caught(), [](const TrainEvent&) {}, {}, ranks);
  const Progress progress(talk ? parse_progress(options.progress) : ProgressMode::none,
                          config.training.batch);
  const auto remark = [&](const std::string& text) {
    if (talk) say("  note: {}\n", text);
  };
  TrainingPage page(config.output, task, remark);
  const TrainResult result = train_with_page(
      task, resolved.settings, options.resume, signals.caught(), page,
      [&](const TrainEvent& e) { progress.show(e); }, remark, ranks);
  print_result(result, options, resolved.last(), page, task.model().device(), ranks);
  return result;
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
  const Resolved resolved = resolve(options);
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
    check_same_training(*ranks, config, *task, resolved.state.step);
    DividedStep(ranks, task->model()).check_batch(config.training.batch, task->n_samples());
  }
  const std::string too_large = does_not_fit(config_of_part(config, *task, ranks), *task);
  if (writes) print_start(resolved, options, *task, too_large, ranks);
  if (!too_large.empty()) throw DeviceError("[train] {}", too_large);
  if (options.dry_run) return;
  if (folder) folder->keep();
  const TrainResult result = run_training(resolved, options, *task, ranks);
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
  command->add_option(
      "config", options->config_file,
      "configuration (TOML), or with --resume the folder of a training run; by default the thesis settings "
      "on phantoms");
  command->add_option("--data", options->data,
                      "folder of CLEAN pictures, flat or with train/val/test; noise is added in training "
                      "unless noise.high is 0 "
                      "(data.folder)");
  command->add_option("-o,--output", options->output, "folder for checkpoints and metrics (output)");
  command->add_option("--steps", options->steps, "stop after this many steps (training.steps)")
      ->check(whole_range(1));
  command->add_option("--epochs", options->epochs, "passes over the pictures (training.epochs)")
      ->check(whole_range(1));
  command->add_option("--seed", options->seed, "seed of weights, order and noise (seed)")
      ->check(whole_range(0));
  command->add_option("--set", options->set, "any key of the configuration, KEY=VALUE; may be repeated")
      ->allow_extra_args(false)
      ->check(CLI::Validator(
          [](std::string& text) -> std::string {
            if (text.find('=') != std::string::npos) return {};
            return fmt::format("expected KEY=VALUE with nothing around the sign, as {}=...; found '{}'", text,
                               text);
          },
          "KEY=VALUE"));
  command
      ->add_option("--overfit", options->overfit,
                   "use only the first N pictures: the loss must fall (training.overfit)")
      ->check(whole_range(1));
  command
      ->add_option(
          "--keep", options->keep,
          "keep the newest N checkpoints step_000600.safetensors, one per validation (training.keep)")
      ->check(whole_range(0));
  command->add_option("--init", options->init,
                      "start from the weights of a file, of the folder of a run, or of a name of `primal "
                      "models` (training.init)");
  command
      ->add_option(
          "--log", options->log,
          "tensorboard: event files in OUT/tensorboard as well, for tensorboard --logdir OUT (training.log)")
      ->check(CLI::IsMember({"none", "tensorboard"}));
  command->add_flag("--resume", options->resume,
                    "continue from the last checkpoint in the output folder, with its settings");
  command->add_flag("--overwrite", options->overwrite, "start afresh in a folder that contains a training");
  command
      ->add_option("--distributed", options->distributed,
                   "auto: train together with the other processes that mpirun or srun started; mpi: always "
                   "by MPI; off: "
                   "alone")
      ->check(CLI::IsMember({"auto", "mpi", "off"}))
      ->capture_default_str();
  command
      ->add_option(
          "--timeout", options->timeout,
          "with several processes: seconds after which one that does not answer ends the training of all")
      ->check(number_range(0.1, 86400))
      ->capture_default_str();
  command->add_flag("--dry-run", options->dry_run, "print what would be done and stop");
  command->add_flag("--check-data", options->check_data,
                    "decode every picture before the start; otherwise only their headers are read");
  command
      ->add_option(
          "--progress", options->progress,
          "auto, bar, plain or none; auto: a bar on a terminal, lines elsewhere. NO_COLOR is honoured")
      ->check(CLI::IsMember({"auto", "bar", "plain", "none"}))
      ->capture_default_str();
  command->add_option("--reproduce", options->reproduce,
                      "repeat the step of a nan_step_N.safetensors and report which op is not finite");
  command->add_flag("--print-config", options->print_config,
                    "print the settings as TOML, each with its origin, and stop");
  options->common.add_to(*command);
  TrainConfig defaults;
  std::string keys = "Keys of the configuration (default):\n";
  for (const ConfigKey& key : config_keys(defaults)) {
    std::visit(
        [&](const auto* value) { keys += fmt::format("  {:<30} {} ({})\n", key.name, key.help, *value); },
        key.place);
  }
  command->footer(
      "The pictures must be clean: new noise is added at each use, and the result of the model is compared\n"
      "with them. With training.loss=sure and noise.low and noise.high 0 they are noisy, and nothing is "
      "added;\n"
      "training.loss=noise2noise takes pairs of noisy pictures from data.manifest, the second one in its\n"
      "clean column. Where no clean picture is known, validation reports the loss itself. They may be "
      "reached through symbolic links. Validation pictures with an infinite PSNR\n"
      "(identical to the clean one) are left out of the mean; a mean that does not exist is empty in\n"
      "metrics.csv and null in events.jsonl.\n\n"
      "Each key can also be given in the environment, as PRIMAL_TRAINING_STEPS for training.steps.\n"
      "A flag takes precedence over the environment, the environment over the file, and the file over the\n"
      "default.\n\n" +
      keys +
      "\nExamples:\n  primal train configs/thesis.toml --data chest_xray -o runs/thesis --keep 3\n"
      "  primal train --resume -o runs/thesis\n"
      "  primal train configs/thesis.toml --data noisy_pictures --set training.loss=sure --set noise.low=0 "
      "\\\n"
      "      --set noise.high=0 -o runs/noisy");
  command->callback([options] { train_command(*options); });
}

}  // namespace primal
