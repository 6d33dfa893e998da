// primal train: a configuration, a data set, and a loop that can be watched, stopped and resumed.
#include <filesystem>
#include <fmt/core.h>
#include <optional>
#include <unistd.h>

#include "apps/commands.h"
#include "apps/json_text.h"
#include "apps/number_range.h"
#include "apps/signals.h"
#include "apps/streams.h"
#include "apps/training/denoising_task.h"
#include "apps/training/progress.h"
#include "apps/training/run_lock.h"
#include "apps/training/run_plan.h"
#include "apps/training/step_file.h"
#include "apps/training/trainer.h"
#include "tensor/backend.h"
#include "tensor/error.h"

namespace primal {
namespace {

struct TrainOptions {
  CommonOptions common;
  std::string config_file;
  std::optional<std::string> data, output, init;
  std::optional<int64_t> steps, epochs, seed, overfit, keep;
  std::vector<std::string> set;
  std::string progress = "auto", reproduce;
  bool resume = false, overwrite = false, dry_run = false, print_config = false;
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
  return flags;
}

// What is to be trained, and, with --resume, where it stands and what differs from before.
struct Resolved {
  Settings settings;
  TrainingState state;
  std::vector<std::string> changes;
  std::filesystem::path last() const {
    return std::filesystem::path(settings.config.output) / "last.safetensors";
  }
  bool exists() const {
    std::error_code error;
    const bool found = std::filesystem::exists(last(), error);
    if (error) throw IoError("[train] cannot look into {}: {}", settings.config.output, error.message());
    return found;
  }
};

Resolved resolve(const TrainOptions& options) {
  Resolved r;
  if (!options.config_file.empty()) apply_file(r.settings, options.config_file);
  apply_environment(r.settings, environ);
  apply_flags(r.settings, flags_of(options));
  if (options.resume) {
    if (!r.exists()) {
      throw IoError("[train] nothing to resume: {} does not exist", r.last().string());
    }
    const CheckpointInfo checkpoint = checkpoint_info(r.last());
    r.settings = resumed(r.settings, checkpoint.config, r.last().string(), r.changes);
    r.state = checkpoint.state;
  }
  if (r.settings.config.output.empty())
    throw ConfigError("[config] output is empty: name a folder (--output)");
  const TrainConfig::Noise& noise = r.settings.config.noise;
  if (noise.low > noise.high) {
    throw ConfigError("[config] noise.low {} is above noise.high {}", noise.low, noise.high);
  }
  return r;
}

void print_config(const Settings& settings, bool json) {
  if (!json) {
    fmt::print("{}", to_toml(settings));
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
    say("warning: 0 steps left: the checkpoint is at step {} of {}; --steps or --epochs go on\n",
        r.state.step, n_steps);
  } else if (training.patience > 0 && r.state.n_waited >= training.patience) {
    say("warning: 0 steps left: {} validations without a better one; a larger training.patience goes on\n",
        r.state.n_waited);
  }
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
  if (!json) fmt::print("{}: everything is finite this time; then it was: {}\n", where, r.file.found);
}

void train_command(const TrainOptions& options) {
  const Device device = options.common.apply();
  const ImplementationScope forced(options.common.forced());
  if (!options.reproduce.empty()) return reproduce(options.reproduce, device, options.common.json);
  if (options.resume && options.overwrite)
    throw ConfigError("[train] --resume goes on with a training, --overwrite begins anew: give one of them");
  const Resolved resolved = resolve(options);
  if (options.print_config) return print_config(resolved.settings, options.common.json);
  const TrainConfig& config = resolved.settings.config;
  const std::filesystem::path last = resolved.last();
  // Whoever is at work there is the first thing to know; the training itself takes the lock again.
  if (!options.dry_run && resolved.exists()) const RunLock probe(config.output);
  if (resolved.exists() && !options.resume && !options.overwrite && !options.dry_run) {
    throw ConfigError("[train] {} holds a training already; give --resume, --overwrite or another --output",
                      config.output);
  }
  DenoisingTask task(config, device);
  const bool talk = !options.common.quiet;
  const std::string too_large = does_not_fit(config, task);
  if (options.dry_run || (talk && too_large.empty())) {
    const RunPlan plan = plan_run(config, task, resolved.state.step, too_large);
    const std::string text = options.dry_run && options.common.json ? json_text(to_json(plan), 2) + "\n"
                                                                    : to_text(resolved.settings, plan);
    options.dry_run ? fmt::print("{}", text) : say_text(text);
  }
  if (!too_large.empty()) throw DeviceError("[train] {}", too_large);
  if (talk && config.training.batch > task.n_samples())
    say("note: training.batch={}, of {} pictures: a step takes them all\n", config.training.batch,
        task.n_samples());
  if (talk && options.resume) print_resumed(resolved, n_steps_of(config, task.n_samples()));
  if (options.dry_run) {
    // What a start would refuse is refused now.
    if (!options.resume && !config.training.init.empty()) {
      load_initial_weights(config.training.init, task.model(), config);
    }
    return;
  }

  const Progress progress(talk ? parse_progress(options.progress) : ProgressMode::none,
                          config.training.batch);
  const StopSignals signals;
  const TrainResult result = train(
      task, resolved.settings, options.resume, signals.caught(),
      [&](const TrainEvent& e) { progress.show(e); },
      [&](const std::string& remark) {
        if (talk) say("  note: {}\n", remark);
      });
  const double peak_mb = static_cast<double>(backend(device).stats().peak_bytes) / 1e6;
  if (options.common.json) {
    print_json({{"step", result.step},
                {"mean_loss", result.mean_loss},
                {"seconds", result.seconds},
                {"checkpoint", last.string()},
                {"peak_tensor_mb", peak_mb},
                {"out_of_patience", result.out_of_patience},
                {"stopped_by", result.stopped_by}});
  } else {
    fmt::print("{} after step {}: mean loss {:.4e}, {} in all, tensors at most {:.0f} MB\n{}\n",
               result.stopped_by != 0   ? "stopped"
               : result.out_of_patience ? "out of patience"
                                        : "done",
               result.step, result.mean_loss, duration_text(result.seconds), peak_mb, last.string());
  }
  if (result.stopped_by != 0) {
    if (talk) say("go on with: primal train --resume -o {}\n", config.output);
    throw Stopped(result.stopped_by);
  }
}

}  // namespace

void add_train_command(CLI::App& program) {
  auto options = std::make_shared<TrainOptions>();
  CLI::App* command = program.add_subcommand("train", "train a model");
  command
      ->add_option("config", options->config_file,
                   "configuration (TOML); without it the thesis settings on phantoms")
      ->check(CLI::ExistingFile);
  command->add_option("--data", options->data, "folder of pictures: flat, or train/val/test (data.folder)");
  command->add_option("-o,--output", options->output, "folder for checkpoints and metrics (output)");
  command->add_option("--steps", options->steps, "stop after so many steps (training.steps)")
      ->check(whole_range(1));
  command->add_option("--epochs", options->epochs, "passes over the pictures (training.epochs)")
      ->check(whole_range(1));
  command->add_option("--seed", options->seed, "of weights, order and noise (seed)")->check(whole_range(0));
  command->add_option("--set", options->set, "any key of the configuration, KEY=VALUE; may be repeated")
      ->allow_extra_args(false);
  command
      ->add_option("--overfit", options->overfit,
                   "use only the first N pictures: the loss must fall (training.overfit)")
      ->check(whole_range(1));
  command
      ->add_option("--keep", options->keep,
                   "keep the newest N checkpoints step_000600.safetensors, one an epoch (training.keep)")
      ->check(whole_range(0));
  command->add_option("--init", options->init,
                      "start from the weights of a checkpoint or safetensors file (training.init)");
  command->add_flag("--resume", options->resume,
                    "go on from the output folder's last checkpoint, with its settings");
  command->add_flag("--overwrite", options->overwrite, "start anew in a folder that holds a training");
  command->add_flag("--dry-run", options->dry_run, "print what would be done and stop");
  command
      ->add_option(
          "--progress", options->progress,
          "auto, bar, plain or none; auto: a bar on a terminal, lines elsewhere. NO_COLOR is honoured")
      ->check(CLI::IsMember({"auto", "bar", "plain", "none"}))
      ->capture_default_str();
  command->add_option("--reproduce", options->reproduce,
                      "run the step of a nan_step_N.safetensors again and say which op is not finite");
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
      "Each key can also be given in the environment, as PRIMAL_TRAINING_STEPS for training.steps.\n"
      "A flag wins over the environment, that over the file, that over the default.\n\n" +
      keys +
      "\nExamples:\n  primal train configs/thesis.toml --data chest_xray -o runs/thesis --keep 3\n"
      "  primal train --resume -o runs/thesis");
  command->callback([options] { train_command(*options); });
}

}  // namespace primal
