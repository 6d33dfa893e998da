#include "apps/profile/simt_counters.h"

#include <algorithm>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace primal {
namespace {

double per(int64_t amount, int64_t of) {
  return of == 0 ? 0.0 : static_cast<double>(amount) / static_cast<double>(of);
}

std::string extents(const std::array<unsigned, 3>& e) { return fmt::format("{}x{}x{}", e[0], e[1], e[2]); }

nlohmann::json to_json(const simt::Traffic& t) {
  return {{"requests", t.requests},
          {"bytes", t.bytes},
          {"sectors", t.sectors},
          {"ideal_sectors", t.ideal_sectors}};
}

}  // namespace

CountedKernels count_run(std::string what, const std::function<void()>& run) {
  const simt::Recording recording;
  run();
  const std::vector<simt::LaunchRecord> launches = recording.launches();
  CountedKernels counted{std::move(what), {}, simt::sum_by_kernel(launches), 0, {}};
  for (const simt::LaunchRecord& launch : launches) {
    if (launch.n_races > 0 && counted.n_races == 0)
      counted.first_race = fmt::format("{}: {}", launch.counters.name, launch.races.front().str());
    counted.n_races += launch.n_races;
  }
  return counted;
}

std::vector<CountedKernels> count_op(const OpInfo& info, const OpCase& op_case,
                                     const std::vector<std::string>& only) {
  OpCall call{make_inputs(op_case, DType::f32), op_case.attrs, {}, op_case.name};
  const std::vector<ImplementationInfo> there = info.implementations_on(Device::Kind::simt);
  if (info.differentiable) call.upstream = make_upstream(info.results, info.run(call).outputs);
  call.device = Device::simt();
  std::vector<CountedKernels> all;
  for (const ImplementationInfo& implementation : there) {
    const std::string name(implementation.name);
    if (!only.empty() && std::ranges::count(only, name) == 0) continue;
    const ImplementationScope forced(info.chooser(), name);
    CountedKernels counted = count_run(info.name + " " + op_case.name, [&] { info.run(call); });
    counted.implementation = name;
    if (there.size() > 1 && !forced.used(info.chooser(), name)) continue;  // does not support the case
    all.push_back(std::move(counted));
  }
  return all;
}

nlohmann::json to_json(const CountedKernels& counted) {
  nlohmann::json kernels = nlohmann::json::array();
  for (const simt::LaunchCounters& k : counted.kernels) {
    kernels.push_back({{"name", k.name},
                       {"grid", k.grid},
                       {"block", k.block},
                       {"launches", k.launches},
                       {"loads", to_json(k.loads)},
                       {"stores", to_json(k.stores)},
                       {"atomics", to_json(k.atomics)},
                       {"shared_requests", k.shared_requests},
                       {"bank_conflicts", k.bank_conflicts},
                       {"barriers", k.barriers},
                       {"grid_barriers", k.grid_barriers},
                       {"warp_operations", k.warp_operations},
                       {"matrix_products", k.matrix_products},
                       {"divergent_branches", k.divergent_branches}});
  }
  nlohmann::json report = {{"what", counted.what}, {"kernels", kernels}, {"races", counted.n_races}};
  if (!counted.implementation.empty()) report["implementation"] = counted.implementation;
  if (counted.n_races > 0) report["first_race"] = counted.first_race;
  return report;
}

std::string counters_header() {
  return fmt::format("{:<30} {:>12} {:>10} {:>5} {:>9} {:>8} {:>6} {:>9} {:>9} {:>8} {:>9}\n", "kernel",
                     "grid", "block", "times", "requests", "sectors", "ideal", "shared", "conflicts",
                     "barriers", "divergent");
}

// Sectors, ideal sectors: per request of global memory. Conflicts: per request of shared memory.
std::string counters_table(const CountedKernels& counted) {
  std::string text = fmt::format("{}{}{}\n", counted.what, counted.implementation.empty() ? "" : ", ",
                                 counted.implementation);
  for (const simt::LaunchCounters& k : counted.kernels) {
    const simt::Traffic t = k.global();
    text += fmt::format("  {:<28} {:>12} {:>10} {:>5} {:>9} {:>8.2f} {:>6.2f} {:>9} {:>9.3f} {:>8} {:>9}\n",
                        k.name, extents(k.grid), extents(k.block), k.launches, t.requests,
                        per(t.sectors, t.requests), per(t.ideal_sectors, t.requests), k.shared_requests,
                        per(k.bank_conflicts, k.shared_requests), k.barriers + k.grid_barriers,
                        k.divergent_branches);
  }
  if (counted.n_races > 0)
    text += fmt::format("  {} races, the first: {}\n", counted.n_races, counted.first_race);
  return text;
}

}  // namespace primal
