#include <algorithm>

#include "apps/commands.h"
#include "apps/number_range.h"
#include "apps/profile/plan_file.h"
#include "apps/register_ops.h"
#include "apps/streams.h"
#include "tensor/cuda/precision.h"
#include "tensor/cuda/vendor_library.h"
#include "tensor/device.h"
#include "tensor/error.h"
#include "tensor/exec.h"

namespace primal {

void CommonOptions::add_to(CLI::App& command) {
  command.add_flag("--json", json, "print the result as JSON on stdout");
  command.add_flag("-q,--quiet", quiet, "no progress and no remarks on stderr");
  command
      .add_option("--threads", threads, "CPU threads, 1 to 4096 (default: all cores this process may use)")
      ->envname("PRIMAL_THREADS")
      ->check(whole_range(1, 4096));
  command
      .add_option("--device", device,
                  "where to compute: auto, cpu, simt (CUDA kernels, emulated), cuda or cuda:N")
      ->capture_default_str();
  command
      .add_option("--precision", precision,
                  "of vendor libraries on CUDA devices: fp32, or tf32, faster with operands of 11 bits")
      ->check(CLI::IsMember({"fp32", "tf32"}))
      ->capture_default_str();
  command
      .add_option("--impl", impl,
                  "force an implementation, OP=NAME, as in conv3d=reference; may be repeated")
      ->allow_extra_args(false);  // one value each: pictures may follow
  command.add_option("--plan", plan,
                     "use the implementations of a plan file (primal tune); --impl wins over it");
}

Device CommonOptions::apply() const {
  if (threads > 0) set_num_threads(threads);
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
    if (info == nullptr) throw ConfigError("[--impl] unknown op '{}'; `primal check --list` names them", op);
    const auto has = [&](const std::vector<ImplementationInfo>& list) {
      return std::ranges::count(list, name, &ImplementationInfo::name) > 0;
    };
    if (!has(info->implementations))
      throw ConfigError("[--impl] {} has no implementation '{}'; it has: {}", op, name,
                        info->implementation_names());
    if (const Device there = resolve_device(); !has(info->implementations_on(there.kind))) {
      throw ConfigError("[--impl] {}'s '{}' does not run on {}; --device gives another", op, name,
                        there.str());
    }
    for (const cuda::VendorStatus& library : cuda::vendor_libraries()) {
      if (name.starts_with(library.implementation) && !library.problem.empty())
        throw DeviceError("[--impl] {}: {}", text, library.problem);
    }
    map[op] = name;
  }
  return map;
}

}  // namespace primal
