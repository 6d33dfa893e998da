#include <algorithm>
#include <fmt/ranges.h>

#include "apps/commands/commands.h"
#include "apps/commands/number_range.h"
#include "apps/ops/register_ops.h"
#include "apps/plans/plan_file.h"
#include "apps/shell/streams.h"
#include "data/preprocess/level_range.h"
#include "tensor/cuda/precision.h"
#include "tensor/device.h"
#include "tensor/error.h"
#include "tensor/exec.h"
#include "tensor/threads/processors.h"
#include "tensor/vendor/vendor_status.h"

namespace primal {
namespace {

// Why this build lacks an implementation that others have; empty for a name that no build has.
std::string why_not_built(std::string_view op, std::string_view name) {
  if (op == "conv3d" && name == "onednn")
    return "this build found no oneDNN 2 (Debian: libdnnl-dev; then configure and build again)";
  const bool of_cudnn = op == "conv3d" && name.starts_with("cudnn");
  const bool of_cublaslt = (op == "conv3d" || op == "linear") && name == "cublaslt";
  if (!of_cudnn && !of_cublaslt) return {};
#if PRIMAL_HAS_CUDA
  return fmt::format("this build found no headers of {}", of_cudnn ? "cuDNN 9" : "cuBLASLt");
#else
  return "this build is without CUDA: nvcc was not found, or PRIMAL_CUDA=OFF was set";
#endif
}

// Why the library of an implementation is not to be had here; empty where it is, or none is needed.
std::string missing_library(std::string_view implementation) {
  for (const VendorStatus& library : vendor_libraries()) {
    if (implementation.starts_with(library.implementation)) return library.problem;
  }
  return {};
}

std::string names_text(const std::vector<ImplementationInfo>& list) {
  std::vector<std::string_view> names;
  for (const ImplementationInfo& i : list) names.push_back(i.name);
  return fmt::format("{}", fmt::join(names, " "));
}

// "on cpu it has: a b; with --device simt: c; with --device cuda: d, but this machine has no NVIDIA driver"
std::string implementations_text(const OpInfo& op, Device chosen) {
  std::string text =
      fmt::format("on {} it has: {}", chosen.str(), names_text(op.implementations_on(chosen.kind)));
  for (const Device other : {Device{}, Device::simt(), Device::cuda()}) {
    const std::vector<ImplementationInfo> there = op.implementations_on(other.kind);
    if (other.kind == chosen.kind || there.empty()) continue;
    text += fmt::format("; with --device {}: {}", name_of(other.kind), names_text(there));
    const std::string absent = other.kind == Device::Kind::cuda ? cuda_status().absent : std::string();
    if (!absent.empty()) text += ", but " + absent;
  }
  return text;
}

}  // namespace

void CommonOptions::add_to(CLI::App& command) {
  command.add_flag("--json", json, "print the result as JSON on stdout");
  command.add_flag("-q,--quiet", quiet, "print no progress and no notes on stderr");
  command
      .add_option("--threads", threads,
                  "CPU threads, 1 to 4096 (default: the number of processors that this process may use, by "
                  "affinity and CPU quota)")
      ->envname("PRIMAL_THREADS")
      ->check(whole_range(1, 4096));
  command
      .add_option("--device", device,
                  "where to compute: auto, cpu, simt (CUDA kernels, emulated), cuda or cuda:N")
      ->capture_default_str();
  command
      .add_option("--precision", precision,
                  "precision of products on CUDA devices, in vendor libraries and tensor_core convolutions: "
                  "fp32, or tf32, which is faster but rounds operands to 11 bits")
      ->check(CLI::IsMember({"fp32", "tf32"}))
      ->capture_default_str();
  command
      .add_option("--impl", impl,
                  "force an implementation, OP=NAME, for example conv3d=reference; may be repeated")
      ->allow_extra_args(false);  // one value each: pictures may follow
  command.add_option("--plan", plan,
                     "use the implementations of a plan file (primal tune); --impl takes precedence");
}

Device CommonOptions::apply() const {
  if (threads > 0) set_num_threads(threads);
  if (const Processors usable = usable_processors(); !quiet && threads > usable.count()) {
    say("warning: [threads] {} threads, but this process may use {} processor{} ({}): they take turns\n",
        threads, usable.count(), usable.count() == 1 ? "" : "s", usable.why());
  }
  const Device chosen = resolve_device();
  if (device == "auto" && !chosen.is_cpu() && !quiet) {
    say("[device] {}: {}; --device cpu computes on the processor\n", chosen.str(), choose_device().why);
  }
  set_precision(parse_precision(precision));
  if (plan.empty()) return chosen;
  const PlanFile file = read_plan(plan, registered_ops());
  require_kind(file, plan, chosen);
  if (!quiet) {
    for (const std::string& line : plan_warnings(file, plan_file_here(chosen)))
      say("warning: [plan] {}: {}; right, but perhaps not the fastest\n", plan, line);
  }
  set_process_plan(file.plan());
  return chosen;
}

Device CommonOptions::resolve_device() const {
  return device == "auto" ? choose_device().device : Device::parse(device);
}

std::map<std::string, std::string, std::less<>> CommonOptions::forced() const {
  std::map<std::string, std::string, std::less<>> map;
  for (const std::string& text : impl) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos) throw ConfigError("[--impl] expects OP=NAME, found '{}'", text);
    const std::string op = text.substr(0, equals), name = text.substr(equals + 1);
    const OpInfo* info = registered_ops().find(op);
    if (info == nullptr)
      throw ConfigError("[--impl] unknown op '{}'; `primal check --list` lists all ops", op);
    const auto has = [&](const std::vector<ImplementationInfo>& list) {
      return std::ranges::count(list, name, &ImplementationInfo::name) > 0;
    };
    const Device there = resolve_device();
    if (!has(info->implementations)) {
      const std::string why = why_not_built(op, name);
      throw ConfigError("[--impl] {} has no implementation '{}'{}; {}", op, name,
                        why.empty() ? why : ": " + why, implementations_text(*info, there));
    }
    if (!has(info->implementations_on(there.kind))) {
      throw ConfigError("[--impl] {}'s '{}' does not run on {}; {}", op, name, there.str(),
                        implementations_text(*info, there));
    }
    if (name == "tensor_core" && parse_precision(precision) != Precision::tf32)
      throw ConfigError(
          "[--impl] {}: it rounds to 11 bits, so it runs only with --precision tf32; 'tensor_core_3x' has "
          "float32's accuracy",
          text);
    if (const std::string problem = missing_library(name); !problem.empty())
      throw DeviceError("[--impl] {}: {}", text, problem);
    map[op] = name;
  }
  return map;
}

void add_tile_option(CLI::App& command, Tiling& tiling) {
  command
      .add_option("--tile", tiling.text,
                  "how the network processes a picture: off: as a whole; N: in tiles of at most N x N "
                  "pixels, with the same result in less memory; auto: in tiles if the whole would take more "
                  "than 512 MiB")
      ->check(CLI::IsMember({"auto", "off"}) | whole_range(8, 16384))
      ->capture_default_str();
}

void add_boundary_option(CLI::App& command, std::string& boundary, const std::string& otherwise) {
  command
      .add_option(
          "--boundary", boundary,
          "symmetric: the edges of the picture are free; periodic: opposite edges are neighbours, as in "
          "the dissertation's code (default: " +
              otherwise + ")")
      ->check(CLI::IsMember({"symmetric", "periodic"}));
}

void add_range_option(CLI::App& command, std::string& range, const std::string& otherwise) {
  command.add_option("--range", range,
                     "values that count as 0 and 1: full, from 0 to white, or the smallest to the largest "
                     "value of signed and float samples; auto, from 0 to the smallest 2^k - 1 that holds the "
                     "picture; or LO:HI, for example 0:4095 for 12-bit data in a 16-bit file (default: " +
                         otherwise + ")");
}

void add_noise_kind_option(CLI::App& command, std::string& kind, const std::string& otherwise) {
  command
      .add_option("--noise-kind", kind,
                  "relative to the picture's deviation, absolute and clipped, or unclipped (absolute, not "
                  "clipped) (default: " +
                      otherwise + ")")
      ->check(CLI::IsMember({"relative", "absolute", "unclipped"}));
}

void add_measuring_options(CLI::App& command, int& rounds, double& min_time_ms) {
  command.add_option("--rounds", rounds, "minimum number of rounds, 1 to 10000")
      ->check(whole_range(1, 10000))
      ->capture_default_str();
  command
      .add_option("--min-time", min_time_ms,
                  "minimum milliseconds to measure each implementation, 0 to 60000")
      ->check(number_range(0, 60000))
      ->capture_default_str();
}

void add_figure_style(CLI::App& command, FigureStyle& style) {
  command.add_option("--figure-format", style.format, "format of figures")
      ->check(CLI::IsMember({"png", "svg", "pdf"}))
      ->capture_default_str();
  command.add_flag("--figure-data", style.data, "beside each figure write what it shows, as NAME.csv");
}

}  // namespace primal
