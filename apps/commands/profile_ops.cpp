// primal profile OP...: each implementation of an op on the shapes that the network gives it.
#include <algorithm>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "apps/commands/profile_kinds.h"
#include "apps/ops/register_ops.h"
#include "apps/pictures/ticker.h"
#include "apps/profile/profile_figures.h"
#include "apps/profile/tables.h"
#include "apps/shell/command_line.h"
#include "apps/shell/json_text.h"
#include "apps/shell/streams.h"
#include "apps/shell/terminal.h"
#include "tensor/error.h"

namespace primal {
namespace {

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
      const int64_t size = options.size > 0 ? options.size : kProfiledOnSimt;
      if (!options.common.quiet) say("{} {}, as of a picture of {} pixels\n", op->name, stage.name, size);
      const Ticker ticker(fmt::format("{} {}", op->name, stage.name), !options.common.quiet,
                          is_terminal(STDERR_FILENO));
      for (CountedKernels& counted : count_op(*op, at_size(stage, size), only))
        counts.push_back(std::move(counted));
    }
  }
  print_counts(counts, options.common.json);
}

}  // namespace

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

void predict_ops(const ProfileOptions& options) {
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

}  // namespace primal
