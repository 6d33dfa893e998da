// primal profile --step and --denoise: what each kernel takes in a training step or a denoising.
#include <algorithm>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "apps/commands/profile_kinds.h"
#include "apps/ops/register_ops.h"
#include "apps/pictures/text_file.h"
#include "apps/pictures/ticker.h"
#include "apps/profile/model_source.h"
#include "apps/profile/profile_figures.h"
#include "apps/profile/tables.h"
#include "apps/profile/trace.h"
#include "apps/shell/command_line.h"
#include "apps/shell/json_text.h"
#include "apps/shell/streams.h"
#include "apps/shell/terminal.h"
#include "tensor/error.h"

namespace primal {
namespace {

// The implementations of each op of a run, on that of the op's shapes which takes the most arithmetic.
std::vector<std::vector<OpMeasurement>> side_by_side(const RunProfile& profile, const ProfileOptions& options,
                                                     Device device) {
  std::vector<std::string> names;
  for (const RunProfileRow& row : profile.rows) {
    if (std::ranges::count(names, row.op) == 0) names.push_back(row.op);
  }
  std::vector<std::vector<OpMeasurement>> tables;
  for (const std::string& name : names) {
    const OpInfo* op = registered_ops().find(name);
    if (op == nullptr || op->cost == nullptr || op->stages.empty() ||
        op->implementations_on(device.kind).size() < 2)
      continue;
    const auto elements = [](const OpCase& stage) {
      int64_t most = 0;
      for (const OpInput& input : stage.inputs) most = std::max(most, input.shape.numel());
      return most;
    };
    const OpCase& stage = *std::ranges::max_element(op->stages, {}, elements);
    if (!options.common.quiet) say("{} {}, each implementation\n", op->name, stage.name);
    tables.push_back(measure_op(*op, options.size > 0 ? at_size(stage, options.size) : stage,
                                {options.rounds, options.min_time_ms, device}));
  }
  return tables;
}

}  // namespace

void profile_run_of_model(const ProfileOptions& options, Device device) {
  if (!options.ops.empty() || !options.shapes.empty())
    throw ConfigError("[profile] ops and --shape cannot be combined with --step or --denoise");
  if (options.step && options.denoise) throw ConfigError("[profile] give --step or --denoise, not both");
  if (!options.model.empty() && !options.config.empty())
    throw ConfigError("[profile] a model has its own configuration: give either MODEL or --config");
  if (!options.trace.empty()) check_result_file(options.trace, options.overwrite);
  TrainingStepOptions step_of =
      step_options(options.model.empty() ? options.config : options.model, options.size, options.batch);
  step_of.device = device;
  if (device.kind == Device::Kind::simt && options.size == 0) step_of.size = kProfiledOnSimt;
  const ImplementationScope forced(options.common.forced());
  TrainingStep step(step_of);
  if (device.kind == Device::Kind::simt) {
    const std::string what =
        fmt::format("{} of {} x {} pixels, T = {}", options.step ? "training step" : "denoising",
                    step_of.size, step_of.size, step_of.model.n_iter);
    if (!options.common.quiet) say("{}, each access of each kernel recorded\n", what);
    const Ticker ticker(what, !options.common.quiet, is_terminal(STDERR_FILENO));
    return print_counts({count_run(what, [&] { options.step ? void(step.run()) : step.denoise(); })},
                        options.common.json);
  }
  const LoadWatch watch;
  Roofs roofs = roofs_now(options, device);
  if (!options.common.quiet)
    say("{} steps of {} x {} pixels, batch {}, T = {}\n", options.rounds + 2, step_of.size, step_of.size,
        step_of.batch, step_of.model.n_iter);
  const RunProfile profile = options.step
                                 ? profile_run("step", options.rounds, device, [&] { step.run(); })
                                 : profile_run("denoise", options.rounds, device, [&] { step.denoise(); });
  std::vector<std::vector<OpMeasurement>> measured;
  if (!options.report.empty()) measured = side_by_side(profile, options, device);
  take_better(roofs, roofs_now(options, device));
  const std::vector<std::string> found = doubts(watch, roofs);
  if (options.draws()) {
    write_drawn(options, run_figure(profile, roofs),
                {fmt::format("Profile of a {} on {}", options.step ? "training step" : "denoising",
                             roofs.machine.cpu),
                 command_line(), roofs, found, profile, measured});
  }
  if (!options.trace.empty()) {
    write_text(options.trace,
               json_text(trace_events(profile.records, options.step ? "primal step" : "primal denoise")));
    if (!options.common.quiet) say("trace in {}: open it in ui.perfetto.dev\n", options.trace);
  }
  if (options.common.json) {
    nlohmann::json report = to_json(profile, roofs);
    report["run"] = options.step ? "step" : "denoise";
    report["roofs"] = to_json(roofs);
    report["load"] = to_json(watch.so_far());
    report["doubts"] = found;
    print_json(report);
  } else {
    put_text(roofs_text(roofs) + "\n" + run_table(profile, roofs, options.all));
    print_doubts(found);
  }
}

}  // namespace primal
