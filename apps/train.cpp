// primal train: a configuration, a data set, and a loop that can be watched, stopped and resumed.
#include <filesystem>
#include <fmt/core.h>

#include "apps/commands.h"
#include "apps/signals.h"
#include "apps/training/denoising_task.h"
#include "apps/training/progress.h"
#include "apps/training/trainer.h"
#include "tensor/error.h"
#include "tensor/exec.h"
#include "tensor/memory_pool.h"

namespace primal {
namespace {

struct TrainOptions {
  CommonOptions common;
  std::string config_file;
  std::string data, output;
  int64_t steps = 0, epochs = 0, seed = -1, overfit = 0;
  std::vector<std::string> set;
  bool resume = false, overwrite = false, dry_run = false;
};

TrainConfig resolve(const TrainOptions& options) {
  TrainConfig config;
  if (!options.config_file.empty()) read_config(config, options.config_file);
  for (const std::string& assignment : options.set) set_config(config, assignment);
  if (!options.data.empty()) config.data.folder = options.data;
  if (!options.output.empty()) config.output = options.output;
  if (options.steps > 0) config.training.steps = options.steps;
  if (options.epochs > 0) {
    config.training.epochs = options.epochs;
    config.training.steps = 0;
  }
  if (options.seed >= 0) config.seed = options.seed;
  if (config.noise.low > config.noise.high) {
    throw ConfigError("[config] noise.low {} is above noise.high {}", config.noise.low, config.noise.high);
  }
  return config;
}

void print_plan(const TrainConfig& config, const DenoisingTask& task) {
  TrainConfig copy = config;
  for (const ConfigKey& key : config_keys(copy)) {
    std::visit([&](const auto* value) { fmt::print(stderr, "  {:<30} {}\n", key.name, *value); }, key.place);
  }
  fmt::print(stderr, "  {:<30} {}\n", "parameters", task.model().n_parameters());
  fmt::print(stderr, "  {:<30} {}\n", "training pictures", task.n_samples());
  fmt::print(stderr, "  {:<30} {}\n", "steps", n_steps_of(config, task.n_samples()));
  fmt::print(stderr, "  {:<30} {:.1f} MB\n", "tape of PDHG",
             static_cast<double>(pdhg_tape_bytes(
                 {config.training.batch, 1, 1, config.data.size, config.data.size}, DType::f32,
                 {.n_iter = config.model.iterations, .axes = {3, 4}}, config.model.learn_steps)) /
                 1e6);
  fmt::print(stderr, "  {:<30} cpu, {} threads\n", "device", num_threads());
}

void train_command(const TrainOptions& options) {
  options.common.apply();
  const ImplementationScope forced(options.common.forced());
  const TrainConfig config = resolve(options);
  const std::filesystem::path last = std::filesystem::path(config.output) / "last.safetensors";
  if (std::filesystem::exists(last) && !options.resume && !options.overwrite && !options.dry_run) {
    throw ConfigError("[train] {} holds a training already; give --resume, --overwrite or another --output",
                      config.output);
  }
  if (options.resume && !std::filesystem::exists(last)) {
    throw IoError("[train] nothing to resume: {} does not exist", last.string());
  }
  DenoisingTask task(config);
  if (options.overfit > 0) task.overfit(options.overfit);
  if (!options.common.quiet) print_plan(config, task);
  if (options.dry_run) return;

  const Progress progress(options.common.quiet);
  const StopSignals signals;
  const TrainResult result =
      train(task, config, options.resume, signals.caught(), [&](const TrainEvent& e) { progress.show(e); });
  const double peak_mb = static_cast<double>(host_pool().stats().peak_bytes) / 1e6;
  if (options.common.json) {
    fmt::print("{}\n", nlohmann::json{{"step", result.step},
                                      {"mean_loss", result.mean_loss},
                                      {"seconds", result.seconds},
                                      {"checkpoint", last.string()},
                                      {"peak_tensor_mb", peak_mb},
                                      {"stopped_by", result.stopped_by}}
                           .dump(2));
  } else {
    fmt::print("{} after step {}: mean loss {:.4e}, {} in all, tensors at most {:.0f} MB\n{}\n",
               result.stopped_by != 0 ? "stopped" : "done", result.step, result.mean_loss,
               duration_text(result.seconds), peak_mb, last.string());
  }
  if (result.stopped_by != 0) {
    if (!options.common.quiet) fmt::print(stderr, "go on with: the same command and --resume\n");
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
      ->check(CLI::PositiveNumber);
  command->add_option("--epochs", options->epochs, "passes over the pictures (training.epochs)")
      ->check(CLI::PositiveNumber);
  command->add_option("--seed", options->seed, "of weights, order and noise (seed)")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--set", options->set, "any key of the configuration, KEY=VALUE; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--overfit", options->overfit, "use only the first N pictures: the loss must fall")
      ->check(CLI::PositiveNumber);
  command->add_flag("--resume", options->resume, "go on from the output folder's last checkpoint");
  command->add_flag("--overwrite", options->overwrite, "start anew in a folder that holds a training");
  command->add_flag("--dry-run", options->dry_run, "print what would be done and stop");
  options->common.add_to(*command);
  TrainConfig defaults;
  std::string keys = "Keys of the configuration (default):\n";
  for (const ConfigKey& key : config_keys(defaults)) {
    std::visit(
        [&](const auto* value) { keys += fmt::format("  {:<30} {} ({})\n", key.name, key.help, *value); },
        key.place);
  }
  command->footer(keys +
                  "\nExamples:\n  primal train configs/thesis.toml --data chest_xray -o runs/thesis\n"
                  "  primal train configs/thesis.toml --data chest_xray -o runs/thesis --resume");
  command->callback([options] { train_command(*options); });
}

}  // namespace primal
