// primal check: every proof that an op's description allows, on every implementation.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/ops/register_ops.h"
#include "apps/proofs/failures.h"
#include "apps/shell/json_text.h"
#include "apps/shell/streams.h"
#include "autograd/op_check.h"
#include "tensor/error.h"

namespace primal {
namespace {

struct CheckOptions {
  CommonOptions common;
  std::vector<std::string> ops;
  bool list = false;
  bool verbose = false;
};

void list_ops(bool json) {
  if (json) {
    nlohmann::json ops = nlohmann::json::array();
    for (const OpInfo& op : registered_ops().ops()) {
      nlohmann::json implementations = nlohmann::json::array();
      for (const ImplementationInfo& i : op.implementations)
        implementations.push_back({{"name", i.name}, {"device", name_of(i.device)}, {"idea", i.idea}});
      ops.push_back({{"op", op.name}, {"equation", op.equation}, {"implementations", implementations}});
    }
    return print_json({{"ops", ops}});
  }
  for (const OpInfo& op : registered_ops().ops()) {
    put("{:<18} {}\n", op.name, op.equation);
    for (const ImplementationInfo& i : op.implementations) {
      put("    {:<14} {:<5} {}\n", i.name, name_of(i.device), i.idea);
    }
  }
}

// What is printed of one op on one implementation: the worst of each kind of proof.
struct Summary {
  std::string implementation;
  int n_proofs = 0, n_failed = 0;
  double worst_gradient = 0.0, worst_adjoint = 0.0, worst_reference = 0.0;

  void add(const OpCheckRow& row) {
    ++n_proofs;
    n_failed += !row.ok;
    double& worst = row.proof == "gradient"            ? worst_gradient
                    : row.proof.starts_with("adjoint") ? worst_adjoint
                                                       : worst_reference;
    if (!(row.error <= worst)) worst = row.error;
  }
};

void check(const CheckOptions& options) {
  const Device device = options.common.apply();
  const auto only = options.common.forced();  // op -> the implementation to check
  if (options.list) return list_ops(options.common.json);
  std::vector<const OpInfo*> chosen;
  for (const std::string& name : options.ops) {
    const OpInfo* op = registered_ops().find(name);
    if (op == nullptr)
      throw ConfigError("[check] unknown op '{}'; `primal check --list` lists all ops", name);
    chosen.push_back(op);
  }
  if (chosen.empty()) {
    for (const OpInfo& op : registered_ops().ops()) chosen.push_back(&op);
  }

  nlohmann::json report = nlohmann::json::array();
  int n_proofs = 0, n_failed = 0;
  if (!options.common.json) {
    put("{:<18} {:<14} {:>7} {:>10} {:>10} {:>10}  verdict\n", "op", "implementation", "proofs", "gradient",
        "adjoint", "f32");
  }
  for (const OpInfo* op : chosen) {
    std::vector<Summary> summaries;
    std::vector<OpCheckRow> rows = check_op(*op, device);
    const bool reference_failed = reference_fails(rows);
    if (const auto found = only.find(op->name); found != only.end())
      std::erase_if(rows, [&](const OpCheckRow& row) { return row.implementation != found->second; });
    for (const OpCheckRow& row : rows) {
      if (summaries.empty() || summaries.back().implementation != row.implementation)
        summaries.push_back({.implementation = row.implementation});
      summaries.back().add(row);
      if (options.common.json) {
        report.push_back({{"op", row.op},
                          {"implementation", row.implementation},
                          {"case", row.op_case},
                          {"proof", row.proof},
                          {"error", row.error},
                          {"allowed", row.allowed},
                          {"ok", row.ok}});
      } else if (options.verbose) {
        put("  {:<16} {:<14} {:<24} {:<24} {:>10.2e}  {}\n", row.op, row.implementation, row.op_case,
            row.proof, row.error, row.ok ? "ok" : "FAILED");
      }
    }
    for (const Summary& s : summaries) {
      n_proofs += s.n_proofs;
      n_failed += s.n_failed;
      if (!options.common.json) {
        put("{:<18} {:<14} {:>7} {:>10.1e} {:>10.1e} {:>10.1e}  {}\n", op->name, s.implementation, s.n_proofs,
            s.worst_gradient, s.worst_adjoint, s.worst_reference, s.n_failed == 0 ? "ok" : "FAILED");
      }
    }
    if (!options.common.json) put_text(failures_text(rows, reference_failed, device));
    flush_output();
  }
  if (options.common.json) {
    print_json({{"rows", report}, {"failed", n_failed}});
  } else {
    put("{} proofs: {} ok, {} failed\n", n_proofs, n_proofs - n_failed, n_failed);
  }
  if (n_failed > 0) throw CheckFailed("[check] {} of {} proofs failed", n_failed, n_proofs);
}

}  // namespace

void add_check_command(CLI::App& program) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* command = program.add_subcommand(
      "check", "check the gradients and adjoints of every op for every implementation");
  command->add_option("ops", options->ops, "ops to check (default: all)");
  command->add_flag("--list", options->list, "list the ops, their equations and implementations");
  command->add_flag("-v,--verbose", options->verbose, "print each proof");
  options->common.add_to(*command);
  command->footer("Examples:\n  primal check\n  primal check conv3d pdhg --verbose");
  command->callback([options] { check(*options); });
}

}  // namespace primal
