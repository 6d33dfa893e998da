// primal verify: golden cases against this build, one row per case and implementation.
#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/golden/golden.h"
#include "apps/ops/register_ops.h"
#include "apps/shell/json_text.h"
#include "apps/shell/streams.h"
#include "tensor/error.h"

namespace primal {
namespace {

struct VerifyOptions {
  CommonOptions common;
  std::vector<std::string> paths;
  std::string dtype = "f32";
};

std::string grads_text(const GoldenRow& row) {
  return row.grad_allowed > 0.0 ? fmt::format("{:.2e}", row.grad_error) : "-";
}

nlohmann::json as_json(const GoldenRow& row) {
  nlohmann::json j = {{"path", row.path},
                      {"op", row.op},
                      {"implementation", row.implementation},
                      {"ok", row.ok},
                      {"output_error", row.output_error},
                      {"output_allowed", row.output_allowed}};
  if (row.grad_allowed > 0.0) j.update({{"grad_error", row.grad_error}, {"grad_allowed", row.grad_allowed}});
  if (!row.message.empty()) j["message"] = row.message;
  return j;
}

void verify(const VerifyOptions& options) {
  const Device device = options.common.apply();
  const ImplementationScope forced(options.common.forced());
  if (!device.is_cpu() && options.dtype != "f32") {
    throw ConfigError("[verify] device kernels compute in f32; --dtype {} needs --device cpu", options.dtype);
  }
  const DType dtype = options.dtype == "f64" ? DType::f64 : DType::f32;
  const std::vector<std::filesystem::path> files = golden_files(options.paths);
  if (files.empty()) throw DataError("[verify] no golden cases in {}", fmt::join(options.paths, ", "));

  nlohmann::json report = nlohmann::json::array();
  int n_rows = 0, n_failed = 0;
  if (!options.common.json) {
    put("{:<44} {:<18} {:<22} {:>9} {:>9}  verdict\n", "case", "op", "implementation", "outputs", "grads");
  }
  for (const std::filesystem::path& file : files) {
    const std::vector<GoldenRow> rows = verify_file(file, dtype, registered_ops(), device);
    for (const GoldenRow& row : rows) {
      ++n_rows;
      n_failed += !row.ok;
      if (options.common.json) {
        report.push_back(as_json(row));
      } else {
        put("{:<44} {:<18} {:<22} {:>9.2e} {:>9}  {}{}\n", file.stem().string(), row.op, row.implementation,
            row.output_error, grads_text(row), row.ok ? "ok" : "FAILED: ", row.message);
      }
    }
    flush_output();
  }
  if (options.common.json) {
    print_json({{"dtype", options.dtype}, {"rows", report}, {"failed", n_failed}});
  } else {
    put("{} cases, {} rows in {}: {} ok, {} failed\n", files.size(), n_rows, options.dtype, n_rows - n_failed,
        n_failed);
  }
  if (n_failed > 0) throw CheckFailed("[verify] {} of {} rows failed", n_failed, n_rows);
}

}  // namespace

void add_verify_command(CLI::App& program) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App* command = program.add_subcommand("verify", "run golden cases and compare the results");
  command->add_option("paths", options->paths, "golden cases (.safetensors), or folders of them")->required();
  command->add_option("--dtype", options->dtype, "compute in f32 or f64")
      ->check(CLI::IsMember({"f32", "f64"}))
      ->capture_default_str();
  options->common.add_to(*command);
  command->footer("Examples:\n  primal verify tests/golden\n  primal verify tests/golden --dtype f64 --json");
  command->callback([options] { verify(*options); });
}

}  // namespace primal
