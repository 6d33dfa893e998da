// primal profile: what each kernel costs here, op by op or in a training step or a denoising, under this machine's roofs.
#include <algorithm>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "apps/commands/commands.h"
#include "apps/commands/number_range.h"
#include "apps/commands/profile_collective.h"
#include "apps/commands/profile_predict.h"
#include "apps/ops/register_ops.h"
#include "apps/pictures/figure_file.h"
#include "apps/pictures/text_file.h"
#include "apps/pictures/ticker.h"
#include "apps/profile/device_roofs.h"
#include "apps/profile/model_source.h"
#include "apps/profile/profile_figures.h"
#include "apps/profile/profile_page.h"
#include "apps/profile/simt_counters.h"
#include "apps/profile/tables.h"
#include "apps/profile/trace.h"
#include "apps/shell/command_line.h"
#include "apps/shell/json_text.h"
#include "apps/shell/machine_load.h"
#include "apps/shell/streams.h"
#include "apps/shell/terminal.h"
#include "tensor/error.h"

namespace primal {
namespace {

struct ProfileOptions {
  CommonOptions common;
  std::vector<std::string> ops, shapes;
  bool step = false, denoise = false, all = false, overwrite = false;
  std::string model, config, trace, report;
  FigureFile figure;
  int64_t size = 0, batch = 0;
  int rounds = 7;
  double min_time_ms = 30.0;
  CollectiveOptions collective;
  std::string predict;

  PredictOptions prediction() const { return {predict, common.json, common.quiet, rounds}; }
  bool draws() const { return !report.empty() || figure.is_wanted(); }
};

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

void write_drawn(const ProfileOptions& options, const Figure& figure, const ProfileReport& report) {
  if (options.figure.is_wanted()) options.figure.write(figure);
  if (options.report.empty()) return;
  write_page(options.report, profile_page(report));
  if (!options.common.quiet) say("report in {}: open it in a browser\n", options.report);
}

Roofs roofs_now(const ProfileOptions& options, Device device) {
  if (!options.common.quiet)
    say("measuring the roofs of {}\n", device.is_cpu() ? "this machine" : device.str());
  return device.is_cpu() ? measure_roofs() : measure_device_roofs(device);
}

// What speaks against the figures of a report: others used the processors, or the roofs contradict each other.
std::vector<std::string> doubts(const LoadWatch& watch, const Roofs& roofs) {
  std::vector<std::string> found;
  if (const std::string remark = watch.so_far().remark(); !remark.empty()) found.push_back(remark);
  if (const std::string doubt = doubt_about(roofs); !doubt.empty()) found.push_back(doubt);
  return found;
}

void print_doubts(const std::vector<std::string>& found) {
  for (const std::string& doubt : found) put("warning: {}\n", doubt);
  if (!found.empty())
    put("         these times and shares are not to be trusted: measure again on a quiet machine\n");
}

std::vector<const OpInfo*> chosen_ops(const ProfileOptions& options) {
  std::vector<const OpInfo*> ops;
  for (const std::string& name : options.ops) {
    const OpInfo* op = registered_ops().find(name);
    if (op == nullptr)
      throw ConfigError("[profile] unknown op '{}'; `primal check --list` lists all ops", name);
    if (op->cost == nullptr || op->stages.empty())
      throw ConfigError(
          "[profile] {} has no shapes of its own: --step and --denoise show what it consists of", name);
    ops.push_back(op);
  }
  if (!ops.empty()) return ops;
  for (const OpInfo& op : registered_ops().ops()) {
    if (op.cost != nullptr && !op.stages.empty()) ops.push_back(&op);
  }
  return ops;
}

bool wanted(const std::vector<std::string>& shapes, const std::string& name) {
  return shapes.empty() || std::ranges::count(shapes, name) > 0;
}

void check_shapes(const std::vector<const OpInfo*>& ops, const std::vector<std::string>& shapes) {
  for (const std::string& shape : shapes) {
    std::string known;
    bool found = false;
    for (const OpInfo* op : ops) {
      for (const OpCase& stage : op->stages) {
        known += fmt::format(" {}", stage.name);
        found = found || stage.name == shape;
      }
    }
    if (!found) throw ConfigError("[profile] no shape is called '{}'; there are:{}", shape, known);
  }
}

constexpr int64_t kSimtSize = 32;  // pixels a side: each recorded access takes some 70 ns

void print_counts(const std::vector<CountedKernels>& counts, bool json) {
  int64_t n_races = 0;
  nlohmann::json report = nlohmann::json::array();
  if (!json) put_text(counters_header());
  for (const CountedKernels& counted : counts) {
    n_races += counted.n_races;
    if (json) {
      report.push_back(to_json(counted));
    } else {
      put_text(counters_table(counted));
    }
  }
  if (json) print_json({{"device", "simt"}, {"counts", report}});
  if (n_races > 0)
    throw CheckFailed("[profile] {} races: the results depend on the order of threads", n_races);
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
  const std::vector<const OpInfo*> ops = chosen_ops(options);
  check_shapes(ops, options.shapes);
  std::vector<PredictedCase> cases;
  for (const OpInfo* op : ops) {
    for (const OpCase& stage : op->stages) {
      if (wanted(options.shapes, stage.name))
        cases.push_back({op, options.size > 0 ? at_size(stage, options.size) : stage});
    }
  }
  predict_ops_command(options.prediction(), cases, options.common.forced());
}

// On the emulation time means nothing, so what the kernels ask for is counted.
void count_ops(const ProfileOptions& options) {
  const std::vector<const OpInfo*> ops = chosen_ops(options);
  check_shapes(ops, options.shapes);
  const auto forced = options.common.forced();
  std::vector<CountedKernels> counts;
  for (const OpInfo* op : ops) {
    if (op->implementations_on(Device::Kind::simt).empty()) continue;
    std::vector<std::string> only;
    if (const auto found = forced.find(op->name); found != forced.end()) only = {found->second};
    for (const OpCase& stage : op->stages) {
      if (!wanted(options.shapes, stage.name)) continue;
      const int64_t size = options.size > 0 ? options.size : kSimtSize;
      if (!options.common.quiet) say("{} {}, as of a picture of {} pixels\n", op->name, stage.name, size);
      const Ticker ticker(fmt::format("{} {}", op->name, stage.name), !options.common.quiet,
                          is_terminal(STDERR_FILENO));
      for (CountedKernels& counted : count_op(*op, at_size(stage, size), only))
        counts.push_back(std::move(counted));
    }
  }
  print_counts(counts, options.common.json);
}

void profile_ops(const ProfileOptions& options, Device device) {
  if (device.kind == Device::Kind::simt) return count_ops(options);
  const std::vector<const OpInfo*> ops = chosen_ops(options);
  check_shapes(ops, options.shapes);
  if (!options.trace.empty() || !options.config.empty())
    throw ConfigError("[profile] --trace and --config need --step or --denoise");
  const auto forced = options.common.forced();
  const LoadWatch watch;
  Roofs roofs = roofs_now(options, device);
  std::vector<std::vector<OpMeasurement>> tables;
  int64_t n_wrong = 0;
  for (const OpInfo* op : ops) {
    std::vector<std::string> only;
    if (const auto found = forced.find(op->name); found != forced.end()) only = {found->second};
    for (const OpCase& stage : op->stages) {
      if (!wanted(options.shapes, stage.name)) continue;
      const OpCase at = options.size > 0 ? at_size(stage, options.size) : stage;
      if (!options.common.quiet) say("{} {}\n", op->name, stage.name);
      std::vector<OpMeasurement> measured =
          measure_op(*op, at, {options.rounds, options.min_time_ms, device}, only);
      n_wrong += std::ranges::count(measured, false, &OpMeasurement::ok);
      tables.push_back(std::move(measured));
    }
  }
  take_better(roofs, roofs_now(options, device));
  const std::vector<std::string> found = doubts(watch, roofs);
  if (options.draws()) {
    write_drawn(options, ops_figure(tables, roofs),
                {"Profile of ops on " + roofs.machine.cpu, command_line(), roofs, found, {}, tables});
  }
  if (options.common.json) {
    nlohmann::json rows = nlohmann::json::array();
    for (const auto& table : tables) {
      for (const OpMeasurement& row : table) rows.push_back(to_json(row, roofs));
    }
    print_json(
        {{"roofs", to_json(roofs)}, {"load", to_json(watch.so_far())}, {"doubts", found}, {"rows", rows}});
  } else {
    put_text(roofs_text(roofs) + "\n" + op_table_header());
    for (const auto& table : tables) put_text(op_table(table, roofs));
    print_doubts(found);
  }
  if (n_wrong > 0)
    throw CheckFailed("[profile] {} results differ from the reference by more than the op allows", n_wrong);
}

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
  if (device.kind == Device::Kind::simt && options.size == 0) step_of.size = kSimtSize;
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

void profile_messages(const ProfileOptions& options) {
  if (!options.ops.empty() || !options.shapes.empty() || options.denoise || !options.trace.empty() ||
      options.draws() || options.all)
    throw ConfigError(
        "[profile] --collective cannot be combined with ops, --shape, --denoise, --trace, --report, --figure "
        "or "
        "--all");
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
  command->add_option("--rounds", options->rounds, "minimum number of rounds, 1 to 10000")
      ->check(whole_range(1, 10000))
      ->capture_default_str();
  command
      ->add_option("--min-time", options->min_time_ms,
                   "minimum milliseconds to measure each implementation, 0 to 60000")
      ->check(number_range(0, 60000))
      ->capture_default_str();
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
