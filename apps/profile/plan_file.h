// Plan files: what `primal tune` measured and chose, and what --plan reads.
//
//   {"format": "primal-plan", "version": 1, "build": "0.3.0",
//    "machine": {"cpu": "...", "instruction_set": "AVX3", "threads": 2},
//    "entries": [{"op": "conv3d", "phase": "forward", "geometry": "n1 c32 o32 ...", "implementation": "winograd",
//                 "milliseconds": {"blocked": 5.1, "winograd": 3.9}}]}
//
// A plan only chooses among implementations; a result differs as much as with --impl. A plan of another machine or build is
// as correct, but perhaps not the fastest.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/profile/machine.h"
#include "tensor/op/op.h"

namespace primal {

struct PlanEntry {
  ImplementationChoice choice;
  std::map<std::string, double> ms;  // median by implementation, as measured
};

struct PlanFile {
  std::string build;  // version of the program that measured
  std::string cpu, instruction_set;
  int threads = 1;
  std::vector<PlanEntry> entries;

  PlanPointer plan() const;
};

// The version of this program.
std::string build_version();

nlohmann::json to_json(const PlanFile& file);
// A whole file or none; IoError where it cannot be written.
void write_plan(const std::filesystem::path& path, const PlanFile& file);

// IoError, or DataError naming file, entry and key: no JSON, another format, a missing key or one of the wrong type, an
// unknown op, phase or implementation, a geometry that is none or that the implementation does not support.
PlanFile read_plan(const std::filesystem::path& path, const OpRegistry& ops);

// How the machine and build of a plan differ from here, one line each; empty where they do not.
std::vector<std::string> plan_warnings(const PlanFile& file, const Machine& here);

// The choices of a run, as plan entries without times: what a checkpoint or report keeps of it.
nlohmann::json to_json(const std::vector<ImplementationChoice>& choices);

}  // namespace primal
