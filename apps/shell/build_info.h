// What this program was built from, and with what: `primal --version`.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

namespace primal {

struct BuildInfo {
  std::string version;     // "0.1.0"
  std::string commit;      // "41abeab0f1", "...-dirty" where files had changes (cmake/WriteCommit.cmake)
  std::string compiler;    // "GNU 12.2.0"
  std::string build_type;  // "Release"
  std::string flags;
  std::vector<std::pair<std::string, std::string>> libraries;  // name, version built against
  std::vector<std::string> instruction_sets;                   // the vector code of this build, best first
  std::vector<std::string> usable_here;                        // those of them this machine has
  bool cuda = false;                                           // kernels for CUDA devices are in it
};

const BuildInfo& build_info();

std::string version_text(const BuildInfo& info);
nlohmann::json to_json(const BuildInfo& info);

}  // namespace primal
