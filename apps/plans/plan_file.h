// Plan files: what `primal tune` measured and chose, and what --plan reads.
//
//   {"format": "primal-plan", "version": 2, "build": "0.3.0",
//    "machine": {"cpu": "...", "instruction_set": "AVX3", "threads": 2},
//    "device": {"kind": "cuda", "name": "NVIDIA H200"},
//    "entries": [{"op": "conv3d", "phase": "forward", "geometry": "n1 c32 o32 ...",
//                 "implementation": "winograd", "milliseconds": {"blocked": 5.1, "winograd": 3.9}}]}
//
// A plan only chooses among implementations; a result differs as much as with --impl. A plan of another
// machine or build is as correct, but perhaps not the fastest. One of another kind of device is refused: its
// names may mean something else there.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tensor/op/op.h"

namespace primal {

struct PlanEntry {
  ImplementationChoice choice;
  std::map<std::string, double> ms;  // median by implementation, as measured
};

struct PlanFile {
  std::string build;  // version of the program that measured
  Device::Kind device = Device::Kind::cpu;
  std::string device_name;  // as `primal inspect --devices` has it
  std::string cpu, instruction_set;
  int threads = 1;
  std::vector<PlanEntry> entries;

  PlanPointer plan() const;
};

// A plan without entries, of this build and machine and a device of it.
PlanFile plan_file_here(Device device);

nlohmann::json to_json(const PlanFile& file);
// A whole file or none; IoError where it cannot be written.
void write_plan(const std::filesystem::path& path, const PlanFile& file);

// IoError, or DataError naming file, entry and key: no JSON, another format, a missing key or one of the
// wrong type, an unknown op, phase or implementation, a geometry that is none or that the implementation does
// not support on the device.
PlanFile read_plan(const std::filesystem::path& path, const OpRegistry& ops);

// ConfigError where the plan at `path` is of another kind of device.
void require_kind(const PlanFile& file, const std::filesystem::path& path, Device device);
// How build and machine of a plan differ from those here, as far as they matter to its kind of device, one
// line each.
std::vector<std::string> plan_warnings(const PlanFile& file, const PlanFile& here);

// The choices of a run, as plan entries without times: what a checkpoint or report keeps of it.
nlohmann::json to_json(const std::vector<ImplementationChoice>& choices);

}  // namespace primal
