// primal profile: what each kernel costs here, op by op or in a training step or a denoising,
// under this machine's roofs.
#include <filesystem>

#include "apps/commands/commands.h"
#include "apps/commands/number_range.h"
#include "apps/commands/profile_kinds.h"
#include "apps/pictures/text_file.h"
#include "apps/profile/model_source.h"
#include "tensor/error.h"

namespace primal {
namespace {

// Before anything is measured.
void check_files(const ProfileOptions& options, Device device) {
  if (device.kind == Device::Kind::simt && options.draws()) {
    throw ConfigError(
        "[profile] --report and --figure show times, which mean nothing on the emulation: leave out --device "
        "simt");
  }
  options.figure.check(options.overwrite);
  if (options.report.empty()) return;
  if (const auto ending = std::filesystem::path(options.report).extension();
      ending != ".html" && ending != ".htm")
    throw ConfigError("[profile] --report {}: expected a name that ends in .html", options.report);
  check_result_file(options.report, options.overwrite);
}

void predict(const ProfileOptions& options, Device device) {
  if (options.denoise || options.draws() || !options.trace.empty())
    throw ConfigError(
        "[profile] --predict is for --step and for ops: leave out --denoise, --trace, --report and --figure");
  if (options.step) {
    if (!options.ops.empty() || !options.shapes.empty())
      throw ConfigError("[profile] ops and --shape cannot be combined with --step");
    TrainingStepOptions step = step_options(options.config, options.size, options.batch);
    step.device = device;
    return predict_step_command(options.prediction(), step, options.common.forced());
  }
  predict_ops(options);
}

void profile_messages(const ProfileOptions& options) {
  if (!options.ops.empty() || !options.shapes.empty() || options.denoise || !options.trace.empty() ||
      options.draws() || options.all)
    throw ConfigError(
        "[profile] --collective cannot be combined with ops, --shape, --denoise, --trace, --report, --figure "
        "or --all");
  profile_collective(options.collective, {options.common, options.config, options.step, options.overwrite,
                                          options.size, options.batch, options.rounds, options.min_time_ms});
}

}  // namespace

void add_profile_command(CLI::App& program) {
  auto options = std::make_shared<ProfileOptions>();
  CLI::App* command = program.add_subcommand(
      "profile", "show what each kernel costs, compared with the roofs of this machine");
  command->add_option("ops", options->ops, "ops to measure on the network's shapes (default: all)");
  command
      ->add_option("--shape", options->shapes,
                   "only the shapes of this name, for example e0b; may be repeated")
      ->allow_extra_args(false);
  command->add_flag("--step", options->step, "profile a training step of the thesis model, or of --config");
  CLI::Option* denoise =
      command
          ->add_option("--denoise", options->model,
                       "profile denoising with MODEL (a checkpoint), --config or the thesis model")
          ->expected(0, 1);
  command
      ->add_option(
          "--config", options->config,
          "with --step, --denoise or --collective: a configuration (TOML) or a checkpoint (*.safetensors)")
      ->check(CLI::ExistingFile);
  command
      ->add_option(
          "--size", options->size,
          "side of the pictures in pixels, a multiple of 8, 8 to 4096 (default 256, or the configuration's)")
      ->check(whole_range(8, 4096));
  command
      ->add_option("--batch", options->batch,
                   "pictures per step, 1 to 4096 (default 1, or the configuration's)")
      ->check(whole_range(1, 4096));
  add_measuring_options(*command, options->rounds, options->min_time_ms);
  command->add_option(
      "--predict", options->predict,
      "h200: predict the time of each launch of --step, or of ops, on that device, which need not be here; "
      "on a CUDA device the step is also measured");
  command->add_option("--trace", options->trace,
                      "with --step or --denoise: write one run for ui.perfetto.dev");
  command->add_option(
      "--report", options->report,
      "write a web page in one file: figures, tables, roofs; with --step and --denoise also the "
      "implementations of each op side by side");
  command->add_option("--figure", options->figure.figure,
                      "file for the roofline and the times: .png, .svg or .pdf");
  command->add_option("--figure-data", options->figure.data, "CSV file for what the figure shows");
  command->add_flag("--overwrite", options->overwrite, "replace files that exist");
  command->add_flag("--all", options->all,
                    "with --step or --denoise: show every layer, not only the slow ones");
  add_collective_options(*command, options->collective);
  options->common.add_to(*command);
  command->footer(
      "Examples:\n  primal profile conv3d --shape e0b --shape d1a\n"
      "  primal profile --step --trace step.json\n"
      "  primal profile --step --report step.html --figure roofline.svg\n"
      "  primal profile --step --predict h200\n"
      "  mpirun -n 4 primal profile --collective --step --batch 8\n"
      "  primal profile --collective --network 2,0.3,24 --predict-ranks 1,8,64,1024");
  command->callback([options, denoise] {
    options->denoise = denoise->count() > 0;
    if (options->size % 8 != 0)
      throw ConfigError("[profile] --size must be a multiple of 8, found {}", options->size);
    if (options->collective.wanted) {
      if (!options->predict.empty())
        throw ConfigError("[profile] --predict cannot be combined with --collective: give one of them");
      return profile_messages(*options);
    }
    check_without_collective(options->collective);
    if (!options->predict.empty()) options->common.device = device_to_predict_with(options->common.device);
    const Device device = options->common.apply();
    if (!options->predict.empty()) return predict(*options, device);
    check_files(*options, device);
    options->step || options->denoise ? profile_run_of_model(*options, device)
                                      : profile_ops(*options, device);
  });
}

}  // namespace primal
