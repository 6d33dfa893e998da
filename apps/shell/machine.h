// What this machine is, as far as measurements depend on it.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace primal {

struct CacheLevel {
  std::string name;    // "L1", "L2", "L3"
  int64_t bytes = 0;   // of one cache
  int64_t shared = 1;  // processors that share it
};

struct Machine {
  std::string cpu;                 // model name, "unknown" where the system does not say
  std::string instruction_set;     // the widest that the vector code was built for and runs here: "AVX3_ZEN4"
  int threads = 1;                 // that the program uses; of a device its multiprocessors
  std::vector<CacheLevel> caches;  // data caches, innermost first; empty for a device
  bool is_device = false;
};

// From /proc/cpuinfo and /sys; where those do not say, from sysconf, and else 32 KiB, 1 MiB and 32 MiB.
Machine this_machine();

nlohmann::json to_json(const Machine& machine);

}  // namespace primal
