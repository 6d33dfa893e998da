#include "apps/commands/train_options.h"

#include <fmt/core.h>
#include <variant>

#include "apps/commands/number_range.h"

namespace primal {

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

void add_train_options(CLI::App& command, TrainOptions& o) {
  command.add_option(
      "config", o.config_file,
      "configuration (TOML), or with --resume the folder of a training run; by default the thesis settings "
      "on phantoms");
  command.add_option("--data", o.data,
                     "folder of CLEAN pictures, flat or with train/val/test; noise is added in training "
                     "unless noise.high is 0 (data.folder)");
  command.add_option("-o,--output", o.output, "folder for checkpoints and metrics (output)");
  command.add_option("--steps", o.steps, "stop after this many steps (training.steps)")
      ->check(whole_range(1));
  command.add_option("--epochs", o.epochs, "passes over the pictures (training.epochs)")
      ->check(whole_range(1));
  command.add_option("--seed", o.seed, "seed of weights, order and noise (seed)")->check(whole_range(0));
  command.add_option("--set", o.set, "any key of the configuration, KEY=VALUE; may be repeated")
      ->allow_extra_args(false)
      ->check(CLI::Validator(
          [](std::string& text) -> std::string {
            if (text.find('=') != std::string::npos) return {};
            return fmt::format("expected KEY=VALUE with nothing around the sign, as {}=...; found '{}'", text,
                               text);
          },
          "KEY=VALUE"));
  command
      .add_option("--overfit", o.overfit,
                  "use only the first N pictures: the loss must fall (training.overfit)")
      ->check(whole_range(1));
  command
      .add_option("--keep", o.keep,
                  "keep the newest N checkpoints step_000600.safetensors, one per validation (training.keep)")
      ->check(whole_range(0));
  command.add_option("--init", o.init,
                     "start from the weights of a file, of the folder of a run, or of a name of `primal "
                     "models` (training.init)");
  command
      .add_option(
          "--log", o.log,
          "tensorboard: event files in OUT/tensorboard as well, for tensorboard --logdir OUT (training.log)")
      ->check(CLI::IsMember({"none", "tensorboard"}));
  command.add_flag("--resume", o.resume,
                   "continue from the last checkpoint in the output folder, with its settings");
  command.add_flag("--overwrite", o.overwrite, "start afresh in a folder that contains a training");
  command
      .add_option("--distributed", o.distributed,
                  "auto: train together with the other processes that mpirun or srun started; mpi: always "
                  "use MPI; off: train alone")
      ->check(CLI::IsMember({"auto", "mpi", "off"}))
      ->capture_default_str();
  command
      .add_option(
          "--exchange", o.exchange,
          "how several processes add their gradients; auto: with NCCL if each has a CUDA device of its own, "
          "otherwise through the memory of the host; host: always through that memory; nccl: with NCCL, or "
          "end with an error")
      ->check(CLI::IsMember({"auto", "host", "nccl"}))
      ->capture_default_str();
  command
      .add_option(
          "--timeout", o.timeout,
          "with several processes: end the training of all if one does not answer for this many seconds")
      ->check(number_range(0.1, 86400))
      ->capture_default_str();
  command.add_flag("--dry-run", o.dry_run, "print what would be done and stop");
  command.add_flag("--check-data", o.check_data,
                   "decode every picture before the start; otherwise only their headers are read");
  command
      .add_option(
          "--progress", o.progress,
          "auto, bar, plain or none; auto: a bar on a terminal, lines elsewhere. NO_COLOR is honoured")
      ->check(CLI::IsMember({"auto", "bar", "plain", "none"}))
      ->capture_default_str();
  command.add_option("--reproduce", o.reproduce,
                     "repeat the step of a nan_step_N.safetensors and report which op is not finite");
  command.add_flag("--print-config", o.print_config,
                   "print the settings as TOML, each with its origin, and stop");
  o.common.add_to(command);
  TrainConfig defaults;
  std::string keys = "Keys of the configuration (default):\n";
  for (const ConfigKey& key : config_keys(defaults)) {
    std::visit(
        [&](const auto* value) { keys += fmt::format("  {:<30} {} ({})\n", key.name, key.help, *value); },
        key.place);
  }
  command.footer(
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
}

}  // namespace primal
