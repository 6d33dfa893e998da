#include "apps/shell/machine.h"

#include <algorithm>
#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <hwy/targets.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "tensor/compiled_targets.h"
#include "tensor/exec.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

std::string first_line(const fs::path& file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  return line;
}

std::string cpu_model() {
  std::ifstream stream("/proc/cpuinfo");
  for (std::string line; std::getline(stream, line);) {
    if (!line.starts_with("model name")) continue;
    const size_t colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

// "32K", "1024K", "32M"
int64_t parse_size(const std::string& text) {
  int64_t value = 0;
  size_t i = 0;
  for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) value = 10 * value + (text[i] - '0');
  if (i < text.size() && text[i] == 'K') value <<= 10;
  if (i < text.size() && text[i] == 'M') value <<= 20;
  return value;
}

// "0-1,4": how many
int64_t count_list(const std::string& text) {
  int64_t count = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string part = text.substr(at, end - at);
    const size_t dash = part.find('-');
    count += dash == std::string::npos ? 1 : parse_size(part.substr(dash + 1)) - parse_size(part) + 1;
    at = end + 1;
  }
  return std::max<int64_t>(count, 1);
}

std::vector<CacheLevel> caches_from_sysfs() {
  std::vector<CacheLevel> caches;
  for (int i = 0; i < 8; ++i) {
    const fs::path folder = fmt::format("/sys/devices/system/cpu/cpu0/cache/index{}", i);
    const std::string type = first_line(folder / "type");
    const int64_t bytes = parse_size(first_line(folder / "size"));
    if (type.empty() || type == "Instruction" || bytes <= 0) continue;
    caches.push_back({fmt::format("L{}", first_line(folder / "level")), bytes,
                      count_list(first_line(folder / "shared_cpu_list"))});
  }
  return caches;
}

std::vector<CacheLevel> caches_from_sysconf() {
  const auto size = [](int name, int64_t otherwise) {
    const int64_t bytes = ::sysconf(name);
    return bytes > 0 ? bytes : otherwise;
  };
  return {
      {"L1", size(_SC_LEVEL1_DCACHE_SIZE, 32 << 10), 1},
      {"L2", size(_SC_LEVEL2_CACHE_SIZE, 1 << 20), 1},
      {"L3", size(_SC_LEVEL3_CACHE_SIZE, 32 << 20), std::max<int64_t>(::sysconf(_SC_NPROCESSORS_ONLN), 1)}};
}

}  // namespace

Machine this_machine() {
  Machine machine;
  machine.cpu = cpu_model();
  const int64_t targets = hwy::SupportedTargets() & compiled_targets();
  machine.instruction_set = hwy::TargetName(targets & -targets);
  machine.threads = num_threads();
  machine.caches = caches_from_sysfs();
  if (machine.caches.empty()) machine.caches = caches_from_sysconf();
  return machine;
}

nlohmann::json to_json(const Machine& machine) {
  nlohmann::json caches = nlohmann::json::array();
  for (const CacheLevel& c : machine.caches)
    caches.push_back({{"name", c.name}, {"bytes", c.bytes}, {"shared_by", c.shared}});
  return {{"cpu", machine.cpu},
          {"instruction_set", machine.instruction_set},
          {machine.is_device ? "multiprocessors" : "threads", machine.threads},
          {"caches", caches}};
}

}  // namespace primal
