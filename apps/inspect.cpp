// primal inspect: what is in a file of tensors, how two of them differ, how a training went, and what this build and machine can
// do.
#include <algorithm>
#include <filesystem>
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <ranges>
#include <set>

#include "apps/commands.h"
#include "apps/inspection/run_curves.h"
#include "apps/inspection/tensor_statistics.h"
#include "apps/json_text.h"
#include "apps/pictures/text_file.h"
#include "apps/profile/machine.h"
#include "apps/program/build_info.h"
#include "apps/training/config.h"
#include "data/image/image.h"
#include "data/safetensors/safetensors.h"
#include "tensor/cuda/vendor_library.h"
#include "tensor/error.h"

namespace primal {
namespace {

struct InspectOptions {
  CommonOptions common;
  std::string file;
  std::string curves;  // a PNG file
  std::vector<std::string> diff;
  bool devices = false, overwrite = false;
};

// The types of the format that tensors here have; of others only name, type and shape can be told.
bool is_readable(const Safetensors::Entry& entry) {
  static const std::set<std::string> readable{"F32", "F64", "I64", "I32", "U8"};
  return readable.contains(entry.dtype) && entry.shape.size() <= 6;
}

std::string shape_text(const std::vector<int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ","));
}

// Metadata that is JSON (the configuration of a checkpoint) as JSON, other metadata as its text.
nlohmann::json metadata_value(const std::string& text) {
  const nlohmann::json value = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  return value.is_object() || value.is_array() ? value : nlohmann::json(text);
}

struct Totals {
  int64_t tensors = 0, elements = 0, not_finite = 0;
  uint64_t bytes = 0;
};

nlohmann::json inspect_tensor(const Safetensors& file, const std::string& name,
                              const Safetensors::Entry& entry, Totals& totals) {
  ++totals.tensors;
  totals.bytes += entry.end - entry.begin;
  nlohmann::json row{{"name", name}, {"dtype", entry.dtype}, {"shape", entry.shape}};
  if (!is_readable(entry)) return row;
  const TensorStatistics s = statistics_of(file.tensor(name));
  totals.elements += s.count;
  totals.not_finite += s.count - s.n_finite;
  row["statistics"] = to_json(s);
  return row;
}

void print_tensor(const nlohmann::json& row, size_t width) {
  fmt::print("{:<{}} {:<5} {:<18}", row.at("name").get<std::string>(), width,
             row.at("dtype").get<std::string>(), shape_text(row.at("shape").get<std::vector<int64_t>>()));
  if (!row.contains("statistics")) {
    fmt::print(" {:>11}\n", "-");
    return;
  }
  const nlohmann::json& s = row.at("statistics");
  const int64_t not_finite = s.at("count").get<int64_t>() - s.at("finite").get<int64_t>();
  fmt::print(" {:>11.4g} {:>11.4g} {:>11.4g} {:>11.4g}{}\n", s.at("min").get<double>(),
             s.at("mean").get<double>(), s.at("max").get<double>(), s.at("deviation").get<double>(),
             not_finite > 0 ? fmt::format("  {} NOT FINITE", not_finite) : std::string());
}

void print_metadata(const Metadata& metadata) {
  for (const auto& [key, text] : metadata) {
    const nlohmann::json value = metadata_value(text);
    if (value.is_object()) {
      fmt::print("{}:\n", key);
      for (const auto& [name, item] : value.items()) fmt::print("  {:<30} {}\n", name, item.dump());
    } else if (value.is_array()) {
      fmt::print("{}: {} entries (--json shows them)\n", key, value.size());
    } else {
      fmt::print("{}: {}\n", key, text);
    }
  }
}

void inspect_file(const InspectOptions& options) {
  const Safetensors file = Safetensors::read(options.file);
  Totals totals;
  nlohmann::json rows = nlohmann::json::array();
  size_t width = 4;
  for (const auto& [name, entry] : file.entries()) {
    rows.push_back(inspect_tensor(file, name, entry, totals));
    width = std::max(width, name.size());
  }
  if (options.common.json) {
    nlohmann::json metadata = nlohmann::json::object();
    for (const auto& [key, text] : file.metadata()) metadata[key] = metadata_value(text);
    print_json({{"file", options.file},
                {"metadata", metadata},
                {"tensors", rows},
                {"elements", totals.elements},
                {"bytes", totals.bytes},
                {"not_finite", totals.not_finite}});
    return;
  }
  fmt::print("{:<{}} {:<5} {:<18} {:>11} {:>11} {:>11} {:>11}\n", "name", width, "type", "shape", "min",
             "mean", "max", "deviation");
  for (const nlohmann::json& row : rows) print_tensor(row, width);
  fmt::print("{} tensors, {} elements, {:.2f} MB{}\n", totals.tensors, totals.elements,
             static_cast<double>(totals.bytes) / 1e6,
             totals.not_finite > 0 ? fmt::format(", {} elements NOT FINITE", totals.not_finite) : "");
  print_metadata(file.metadata());
}

// What is different between two files, as rows {"what": ..., ...}; empty where they hold the same.
nlohmann::json compare_tensors(const Safetensors& a, const Safetensors& b) {
  nlohmann::json rows = nlohmann::json::array();
  std::set<std::string> names;
  for (const auto& [name, entry] : a.entries()) names.insert(name);
  for (const auto& [name, entry] : b.entries()) names.insert(name);
  for (const std::string& name : names) {
    if (!a.contains(name) || !b.contains(name)) {
      rows.push_back({{"tensor", name}, {"only_in", a.contains(name) ? a.name() : b.name()}});
      continue;
    }
    const Safetensors::Entry &ea = a.entries().at(name), &eb = b.entries().at(name);
    const std::string ta = ea.dtype + " " + shape_text(ea.shape), tb = eb.dtype + " " + shape_text(eb.shape);
    if (ta != tb) {
      rows.push_back({{"tensor", name}, {"first", ta}, {"second", tb}});
      continue;
    }
    if (!is_readable(ea)) {
      rows.push_back({{"tensor", name}, {"not_compared", ta}});
      continue;
    }
    const TensorDifference d = difference_of(a.tensor(name), b.tensor(name));
    if (d.equal) continue;
    rows.push_back(
        {{"tensor", name}, {"different", d.n_different}, {"largest", d.largest}, {"relative", d.relative}});
  }
  return rows;
}

nlohmann::json compare_metadata(const Metadata& a, const Metadata& b) {
  nlohmann::json rows = nlohmann::json::array();
  std::set<std::string> keys;
  for (const auto& [key, text] : a) keys.insert(key);
  for (const auto& [key, text] : b) keys.insert(key);
  const auto value = [](const Metadata& m, const std::string& key) {
    const auto found = m.find(key);
    return found == m.end() ? nlohmann::json() : metadata_value(found->second);
  };
  for (const std::string& key : keys) {
    const nlohmann::json va = value(a, key), vb = value(b, key);
    if (va == vb) continue;
    if (!va.is_object() || !vb.is_object()) {
      rows.push_back({{"metadata", key}, {"first", va}, {"second", vb}});
      continue;
    }
    // Of a configuration, only the settings that differ.
    nlohmann::json all = va;
    all.update(vb);
    for (const auto& [name, unused] : all.items()) {
      const nlohmann::json first = va.value(name, nlohmann::json()),
                           second = vb.value(name, nlohmann::json());
      if (first != second) {
        rows.push_back({{"metadata", key + ": " + name}, {"first", first}, {"second", second}});
      }
    }
  }
  return rows;
}

void print_difference(const nlohmann::json& row) {
  const bool is_tensor = row.contains("tensor");
  const std::string name = row.at(is_tensor ? "tensor" : "metadata").get<std::string>();
  if (row.contains("only_in")) {
    fmt::print("{:<44} only in {}\n", name, row.at("only_in").get<std::string>());
  } else if (row.contains("not_compared")) {
    fmt::print("{:<44} {}: of a type this program does not read, not compared\n", name,
               row.at("not_compared").get<std::string>());
  } else if (row.contains("first")) {
    const auto text = [](const nlohmann::json& v) {
      if (v.is_null()) return std::string("(absent)");
      if (v.is_array()) return fmt::format("({} entries)", v.size());
      return v.is_string() ? v.get<std::string>() : v.dump();
    };
    fmt::print("{:<44} {} | {}\n", name, text(row.at("first")), text(row.at("second")));
  } else {
    fmt::print("{:<44} {} elements differ, by at most {:.3g}; relative {:.3g}\n", name,
               row.at("different").get<int64_t>(), row.at("largest").get<double>(),
               row.at("relative").get<double>());
  }
}

void inspect_difference(const InspectOptions& options) {
  const Safetensors a = Safetensors::read(options.diff.at(0)), b = Safetensors::read(options.diff.at(1));
  nlohmann::json rows = compare_tensors(a, b);
  for (const nlohmann::json& row : compare_metadata(a.metadata(), b.metadata())) rows.push_back(row);
  if (options.common.json) {
    print_json({{"first", a.name()}, {"second", b.name()}, {"differences", rows}});
  } else {
    for (const nlohmann::json& row : rows) print_difference(row);
    if (rows.empty()) fmt::print("{} and {} hold the same\n", a.name(), b.name());
  }
  if (!rows.empty()) {
    throw CheckFailed("[inspect] {} and {} differ in {} places", a.name(), b.name(), rows.size());
  }
}

void inspect_devices(const InspectOptions& options) {
  const Machine machine = this_machine();
  const BuildInfo& build = build_info();
  const CudaStatus status = cuda_status();
  const DeviceChoice automatic = choose_device();
  const std::vector<DeviceInfo> all = devices();
  const DeviceInfo& host = all.front();
  const auto is_cuda = [](const DeviceInfo& d) { return d.device.kind == Device::Kind::cuda; };
  if (options.common.json) {
    nlohmann::json cpu = to_json(machine);
    cpu.update({{"device", "cpu"},
                {"memory_bytes", host.memory_bytes},
                {"memory_free_bytes", host.free_memory_bytes},
                {"usable_instruction_sets", build.usable_here}});
    nlohmann::json report{
        {"devices", {cpu, {{"device", "simt"}, {"name", "CUDA kernels emulated on the processor"}}}},
        {"absent", nlohmann::json::array()},
        {"auto", automatic.device.str()},
        {"cuda", {{"runtime", status.runtime}, {"driver", status.driver}}},
        {"build", to_json(build)}};
    for (const cuda::VendorStatus& v : cuda::vendor_libraries()) {
      report["libraries"].push_back({{"name", v.name}, {"path", v.path}, {"problem", v.problem}});
    }
    if (!status.absent.empty()) report["absent"].push_back({{"device", "cuda"}, {"why", status.absent}});
    for (const DeviceInfo& d : all | std::views::filter(is_cuda)) {
      report["devices"].push_back({{"device", d.device.str()},
                                   {"name", d.name},
                                   {"architecture", d.architecture},
                                   {"multiprocessors", d.n_multiprocessors},
                                   {"memory_bytes", d.memory_bytes},
                                   {"memory_free_bytes", d.free_memory_bytes}});
    }
    print_json(report);
    return;
  }
  fmt::print("cpu     {}\n", machine.cpu);
  fmt::print("        threads {} (--threads, PRIMAL_THREADS)\n", machine.threads);
  fmt::print("        instruction set {}, of {}\n", machine.instruction_set,
             fmt::join(build.usable_here, " "));
  for (const CacheLevel& cache : machine.caches) {
    fmt::print("        {} {} KiB, shared by {} processor{}\n", cache.name, cache.bytes >> 10, cache.shared,
               cache.shared == 1 ? "" : "s");
  }
  fmt::print("        memory {:.1f} GiB, {:.1f} GiB free\n", static_cast<double>(host.memory_bytes) / 0x1p30,
             static_cast<double>(host.free_memory_bytes) / 0x1p30);
  fmt::print(
      "simt    CUDA kernels emulated on the processor: to read, test and debug them, not to be fast\n");
  for (const DeviceInfo& d : all | std::views::filter(is_cuda)) {
    fmt::print("{:<7} {}, {}, {} multiprocessors\n", d.device.str(), d.name, d.architecture,
               d.n_multiprocessors);
    fmt::print("        memory {:.1f} GiB, {:.1f} GiB free\n", static_cast<double>(d.memory_bytes) / 0x1p30,
               static_cast<double>(d.free_memory_bytes) / 0x1p30);
  }
  if (!status.absent.empty()) fmt::print("cuda    none: {}\n", status.absent);
  if (!status.runtime.empty()) {
    fmt::print("        CUDA {}, driver {}\n", status.runtime,
               status.driver.empty() ? "none" : "for CUDA " + status.driver);
  }
  for (const cuda::VendorStatus& v : cuda::vendor_libraries()) {
    fmt::print("        {} {}\n", v.name, v.problem.empty() ? v.path : v.problem);
  }
  fmt::print("--device auto is {}: {}\n", automatic.device.str(), automatic.why);
}

void inspect_run(const InspectOptions& options) {
  check_png_name(options.curves);
  if (!options.curves.empty()) check_result_file(options.curves, options.overwrite);
  const RunCurves run = read_run_curves(options.file);
  if (!options.curves.empty()) write_png(options.curves, figure_of(run));
  if (options.common.json) {
    print_json(to_json(run));
    return;
  }
  fmt::print("steps {}, epochs {}, {:.2f} h of computing\n", run.steps, run.epochs, run.hours);
  fmt::print("{:<22} {:>12} {:>8} {:>12}\n", "", "best", "at step", "last");
  const auto row = [](const RunCurve& curve, bool larger_is_better) {
    if (curve.value.empty()) return;
    const auto best =
        larger_is_better ? std::ranges::max_element(curve.value) : std::ranges::min_element(curve.value);
    fmt::print("{:<22} {:>12.6g} {:>8.0f} {:>12.6g}\n", curve.name, *best,
               curve.step[static_cast<size_t>(best - curve.value.begin())], curve.value.back());
  };
  row(run.mean_loss, false);
  for (const RunCurve& metric : run.metrics) row(metric, true);
}

void inspect(const InspectOptions& options) {
  options.common.apply();
  const int n_asked =
      (options.file.empty() ? 0 : 1) + (options.diff.empty() ? 0 : 1) + (options.devices ? 1 : 0);
  if (n_asked != 1) throw ConfigError("[inspect] expects one of: FILE or FOLDER, --diff A B, --devices");
  std::error_code error;  // what cannot be read is told by its reader
  const bool of_run = std::filesystem::is_directory(options.file, error);
  if (!options.curves.empty() && !of_run)
    throw ConfigError("[inspect] --curves expects the folder of a training");
  if (of_run) return inspect_run(options);
  if (options.devices) return inspect_devices(options);
  if (!options.diff.empty()) return inspect_difference(options);
  inspect_file(options);
}

}  // namespace

void add_inspect_command(CLI::App& program) {
  auto options = std::make_shared<InspectOptions>();
  CLI::App* command =
      program.add_subcommand("inspect", "what is in a checkpoint, how two differ, what this machine can do");
  command->add_option("file", options->file,
                      "a checkpoint, or any other safetensors file, or the folder of a training");
  command
      ->add_option("--curves", options->curves, "of a folder: loss and metrics over the steps, as a PNG file")
      ->type_name("FILE");
  command->add_flag("--overwrite", options->overwrite, "replace the file of --curves");
  command->add_option("--diff", options->diff, "two files: what differs; exit code 6 where anything does")
      ->expected(2)
      ->type_name("A B");
  command->add_flag("--devices", options->devices, "where this build can compute on this machine");
  options->common.add_to(*command);
  command->footer(
      "Examples:\n  primal inspect runs/thesis/best.safetensors\n"
      "  primal inspect runs/thesis --curves curves.png\n"
      "  primal inspect --diff runs/a/last.safetensors runs/b/last.safetensors\n"
      "  primal inspect --devices --json");
  command->callback([options] { inspect(*options); });
}

}  // namespace primal
