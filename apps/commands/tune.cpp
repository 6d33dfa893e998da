// primal tune: measures the implementations on this machine and writes a plan, which --plan makes any command
// use.
#include "apps/profile/tune.h"

#include <algorithm>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/commands/number_range.h"
#include "apps/ops/register_ops.h"
#include "apps/pictures/text_file.h"
#include "apps/profile/model_source.h"
#include "apps/shell/json_text.h"
#include "apps/shell/streams.h"
#include "tensor/error.h"

namespace primal {
namespace {

struct TuneOptions {
  CommonOptions common;
  std::vector<std::string> ops;
  std::string output = "plan.json", config;
  int64_t size = 0, batch = 0;
  int rounds = 7;
  double min_time_ms = 30.0, margin_percent = 3.0;
  bool overwrite = false;
};

void check_ops(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const OpInfo* op = registered_ops().find(name);
    if (op == nullptr) throw ConfigError("[tune] unknown op '{}'; `primal check --list` lists all ops", name);
    if (op->geometry.supporting == nullptr)
      throw ConfigError("[tune] {} has no implementations to choose from", name);
  }
}

// What a training step of the model runs: these are the geometries to tune.
std::vector<ImplementationChoice> choices_of(const TuneOptions& options, Device device) {
  TrainingStepOptions step_of = step_options(options.config, options.size, options.batch);
  step_of.device = device;
  step_of.model.n_iter = std::min<int64_t>(step_of.model.n_iter, 4);  // geometries do not depend on T
  TrainingStep step(step_of);
  const ImplementationScope scope;
  step.run();
  std::vector<ImplementationChoice> choices = scope.choices();
  if (!options.ops.empty()) {
    std::erase_if(choices,
                  [&](const ImplementationChoice& c) { return std::ranges::count(options.ops, c.op) == 0; });
  }
  return choices;
}

PlanFile plan_of(const std::vector<TuneRow>& rows, Device device) {
  PlanFile file = plan_file_here(device);
  for (const TuneRow& row : rows) file.entries.push_back({row.choice, row.ms});
  return file;
}

void print_rows(const std::vector<TuneRow>& rows) {
  double with = 0.0, without = 0.0;
  put("{:<56} {:<16} {:<10} {:>6} {:>7}\n", "op and geometry", "phase", "fastest", "ms", "by rule");
  for (const TuneRow& row : rows) {
    const auto ms = [&](const std::string& name) {
      const auto found = row.ms.find(name);
      return found == row.ms.end() ? 0.0 : found->second;
    };
    with += ms(row.choice.implementation);
    without += ms(row.by_rule);
    put("{:<56} {:<16} {:<10} {:>6.3f} {:>7.3f}\n", row.choice.op + " " + row.choice.geometry,
        row.choice.phase, row.choice.implementation, ms(row.choice.implementation), ms(row.by_rule));
  }
  put("sum of the medians, each geometry once: {:.1f} ms with the plan, {:.1f} ms by the static rule\n", with,
      without);
}

void tune_command(const TuneOptions& options) {
  const Device device = options.common.apply();
  if (device.kind == Device::Kind::simt)
    throw ConfigError("[tune] the times of the emulation are meaningless: tune on cpu or cuda");
  check_ops(options.ops);
  if (!options.common.impl.empty() || !options.common.plan.empty())
    throw ConfigError("[tune] --impl and --plan decide what tune should find out: give neither of them");
  check_result_file(options.output, options.overwrite);
  const auto talk = [&](const std::string& op, const std::string& geometry) {
    if (!options.common.quiet) say("{} {}\n", op, geometry);
  };
  const std::vector<TuneRow> rows =
      tune(registered_ops(), choices_of(options, device), {options.rounds, options.min_time_ms, device},
           0.01 * options.margin_percent, talk);
  const PlanFile plan = plan_of(rows, device);
  write_plan(options.output, plan);
  if (options.common.json) {
    print_json(to_json(plan));
  } else {
    print_rows(rows);
    put("{}\n", options.output);
  }
}

}  // namespace

void add_tune_command(CLI::App& program) {
  auto options = std::make_shared<TuneOptions>();
  CLI::App* command =
      program.add_subcommand("tune", "find the fastest implementations here and write a plan for --plan");
  command->add_option("ops", options->ops, "ops to tune (default: all that have several implementations)");
  command->add_option("-o,--output", options->output, "plan file (JSON)")->capture_default_str();
  command
      ->add_option(
          "--config", options->config,
          "the model: a configuration (TOML) or a checkpoint (*.safetensors); default: the thesis model")
      ->check(CLI::ExistingFile);
  command
      ->add_option("--size", options->size,
                   "side of the pictures in pixels, 8 to 4096 (default: the configuration's)")
      ->check(whole_range(8, 4096));
  command
      ->add_option("--batch", options->batch, "pictures per step, 1 to 4096 (default: the configuration's)")
      ->check(whole_range(1, 4096));
  add_measuring_options(*command, options->rounds, options->min_time_ms);
  command
      ->add_option(
          "--margin", options->margin_percent,
          "percent by which an implementation must be faster to replace the static rule's choice, 0 to 100")
      ->check(number_range(0, 100))
      ->capture_default_str();
  command->add_flag("--overwrite", options->overwrite, "replace the plan file");
  options->common.add_to(*command);
  command->footer(
      "Examples:\n  primal tune -o plan.json\n"
      "  primal tune conv3d --config configs/quick.toml --threads 1 -o quick.json\n"
      "  primal train configs/thesis.toml --plan plan.json -o runs/tuned");
  command->callback([options] { tune_command(*options); });
}

}  // namespace primal
