#include "apps/inspection/device_list.h"

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "apps/distributed/mpi_communicator.h"
#include "apps/shell/build_info.h"
#include "apps/shell/machine.h"
#include "apps/shell/streams.h"
#include "tensor/device.h"
#include "tensor/threads/numa.h"
#include "tensor/threads/processors.h"
#include "tensor/vendor/vendor_status.h"

namespace primal {
namespace {

bool is_cuda(const DeviceInfo& d) { return d.device.kind == Device::Kind::cuda; }

nlohmann::json processors_json(const Processors& usable) {
  nlohmann::json json{
      {"usable", usable.count()}, {"in_affinity_mask", usable.in_mask}, {"limited_by", usable.why()}};
  json["cpu_quota"] = usable.quota ? nlohmann::json(usable.quota->processors) : nlohmann::json();
  json["affinity_mask"] = processor_list(processors_in_mask());
  json["numa_nodes"] = nlohmann::json::array();
  for (const NumaNode& node : usable_numa_nodes())
    json["numa_nodes"].push_back({{"number", node.number},
                                  {"processors", processor_list(node.processors)},
                                  {"memory_bytes", node.memory_bytes}});
  return json;
}

}  // namespace

void print_devices() {
  const Machine machine = this_machine();
  const BuildInfo& build = build_info();
  const CudaStatus status = cuda_status();
  const DeviceChoice automatic = choose_device();
  const std::vector<DeviceInfo> all = devices();
  const DeviceInfo& host = all.front();
  put("cpu     {}\n", machine.cpu);
  const Processors usable = usable_processors();
  put("        threads {} (--threads, PRIMAL_THREADS)\n", machine.threads);
  put("        processors {} for this process, by {}\n", usable.count(), usable.why());
  put("        affinity mask {}\n", processor_list(processors_in_mask()));
  for (const NumaNode& node : usable_numa_nodes()) {
    put("        NUMA node {}: processors {}, memory {:.1f} GiB\n", node.number,
        processor_list(node.processors), static_cast<double>(node.memory_bytes) / 0x1p30);
  }
  put("        instruction set {}, of {}\n", machine.instruction_set, fmt::join(build.usable_here, " "));
  for (const CacheLevel& cache : machine.caches) {
    put("        {} {} KiB, shared by {} processor{}\n", cache.name, cache.bytes >> 10, cache.shared,
        cache.shared == 1 ? "" : "s");
  }
  put("        memory {:.1f} GiB, {:.1f} GiB free\n", static_cast<double>(host.memory_bytes) / 0x1p30,
      static_cast<double>(host.free_memory_bytes) / 0x1p30);
  put("simt    CUDA kernels emulated on the processor: for study, tests and debugging, not for speed\n");
  for (const DeviceInfo& d : all) {
    if (!is_cuda(d)) continue;
    put("{:<7} {}, {}, {} multiprocessors\n", d.device.str(), d.name, d.architecture, d.n_multiprocessors);
    put("        memory {:.1f} GiB, {:.1f} GiB free\n", static_cast<double>(d.memory_bytes) / 0x1p30,
        static_cast<double>(d.free_memory_bytes) / 0x1p30);
  }
  if (!status.absent.empty()) put("cuda    none: {}\n", status.absent);
  if (!status.runtime.empty()) {
    put("        CUDA {}, driver {}\n", status.runtime,
        status.driver.empty() ? "none" : "for CUDA " + status.driver);
  }
  for (const VendorStatus& v : vendor_libraries()) {
    put("        {} {}\n", v.name, v.problem.empty() ? v.path : v.problem);
  }
  put("mpi     {}\n",
      mpi_library().empty() ? why_no_mpi() : mpi_library() + ", for training on several processes");
  put("--device auto is {}: {}\n", automatic.device.str(), automatic.why);
}

nlohmann::json devices_json() {
  const Machine machine = this_machine();
  const BuildInfo& build = build_info();
  const CudaStatus status = cuda_status();
  const DeviceChoice automatic = choose_device();
  const std::vector<DeviceInfo> all = devices();
  const DeviceInfo& host = all.front();
  nlohmann::json cpu = to_json(machine);
  cpu["processors"] = processors_json(usable_processors());
  cpu.update({{"device", "cpu"},
              {"memory_bytes", host.memory_bytes},
              {"memory_free_bytes", host.free_memory_bytes},
              {"usable_instruction_sets", build.usable_here}});
  nlohmann::json report{
      {"devices", {cpu, {{"device", "simt"}, {"name", "CUDA kernels emulated on the processor"}}}},
      {"absent", nlohmann::json::array()},
      {"mpi", {{"library", mpi_library()}, {"problem", why_no_mpi()}}},
      {"auto", automatic.device.str()},
      {"cuda", {{"runtime", status.runtime}, {"driver", status.driver}}},
      {"build", to_json(build)}};
  for (const VendorStatus& v : vendor_libraries()) {
    report["libraries"].push_back({{"name", v.name}, {"path", v.path}, {"problem", v.problem}});
  }
  if (!status.absent.empty()) report["absent"].push_back({{"device", "cuda"}, {"why", status.absent}});
  for (const DeviceInfo& d : all) {
    if (!is_cuda(d)) continue;
    report["devices"].push_back({{"device", d.device.str()},
                                 {"name", d.name},
                                 {"architecture", d.architecture},
                                 {"multiprocessors", d.n_multiprocessors},
                                 {"memory_bytes", d.memory_bytes},
                                 {"memory_free_bytes", d.free_memory_bytes}});
  }
  return report;
}

}  // namespace primal
