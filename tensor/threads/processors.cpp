#include "tensor/threads/processors.h"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <fstream>
#include <sched.h>
#include <sstream>
#include <thread>
#include <vector>

namespace primal {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, at);) parts.push_back(part);
  return parts;
}

bool lists(const std::string& comma_separated, const std::string& name) {
  const std::vector<std::string> parts = split(comma_separated, ',');
  return std::ranges::count(parts, name) > 0;
}

// Spaces and the like are written as \040 in /proc.
std::string unescape(const std::string& text) {
  const auto is_octal = [&](size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '7'; };
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && is_octal(i + 1) && is_octal(i + 2) && is_octal(i + 3)) {
      plain += static_cast<char>(std::stoi(text.substr(i + 1, 3), nullptr, 8));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

// A tree of groups that has CPU quotas: where its group `top` is mounted.
struct Mount {
  bool v2;
  fs::path top, folder;
};

// Lines of mountinfo: ID PARENT DEVICE TOP FOLDER OPTIONS [FIELDS...] - TYPE SOURCE OPTIONS
std::vector<Mount> mounts(const fs::path& root) {
  std::vector<Mount> found;
  std::ifstream stream(root / "proc/self/mountinfo");
  for (std::string line; std::getline(stream, line);) {
    const std::vector<std::string> fields = split(line, ' ');
    const auto dash = std::ranges::find(fields, "-");
    if (fields.size() < 5 || fields.end() - dash < 4) continue;
    const bool v2 = dash[1] == "cgroup2", v1 = dash[1] == "cgroup" && lists(dash[3], "cpu");
    if (v1 || v2) found.push_back({v2, unescape(fields[3]), unescape(fields[4])});
  }
  return found;
}

// This process's group in the tree, from lines ID:CONTROLLERS:GROUP; v2 has no controllers there.
std::optional<fs::path> group_of_process(const fs::path& root, bool v2) {
  std::ifstream stream(root / "proc/self/cgroup");
  for (std::string line; std::getline(stream, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (v2 ? controllers.empty() : lists(controllers, "cpu")) return fs::path(line.substr(second + 1));
  }
  return std::nullopt;
}

std::optional<CpuQuota> quota_of_group(const fs::path& folder, bool v2) {
  double quota = -1.0, period = 0.0;
  const fs::path file = folder / (v2 ? "cpu.max" : "cpu.cfs_quota_us");
  std::ifstream stream(file);
  if (!(stream >> quota)) return std::nullopt;  // no such file, or "max"
  if (v2) {
    stream >> period;
  } else {
    std::ifstream(folder / "cpu.cfs_period_us") >> period;
  }
  if (quota <= 0.0 || period <= 0.0) return std::nullopt;
  return CpuQuota{quota / period, file};
}

int count_in_mask() {
  const std::vector<int> processors = processors_in_mask();
  if (!processors.empty()) return static_cast<int>(processors.size());
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace

std::vector<int> processors_in_mask() {
  std::vector<int> processors;
  for (size_t n = 1024; n <= 1 << 20 && processors.empty(); n *= 2) {  // larger than the kernel's own mask
    cpu_set_t* const set = CPU_ALLOC(n);
    if (set == nullptr) break;
    const size_t bytes = CPU_ALLOC_SIZE(n);
    if (sched_getaffinity(0, bytes, set) == 0) {
      for (size_t i = 0; i < n; ++i) {
        if (CPU_ISSET_S(i, bytes, set)) processors.push_back(static_cast<int>(i));
      }
    }
    CPU_FREE(set);
  }
  return processors;
}

std::optional<CpuQuota> cpu_quota(const fs::path& root) {
  std::optional<CpuQuota> smallest;
  for (const Mount& mount : mounts(root)) {
    const std::optional<fs::path> group = group_of_process(root, mount.v2);
    if (!group) continue;
    // The way from the mounted group down to ours; ours may lie outside of what is mounted.
    fs::path below = group->lexically_relative(mount.top);
    if (below.empty() || *below.begin() == "..") below = ".";
    const fs::path top = root / mount.folder.relative_path();
    fs::path folder = top;
    std::vector<fs::path> groups = {top};
    for (const fs::path& part : below) {
      if (part != ".") groups.push_back(folder /= part);
    }
    for (const fs::path& each : groups) {
      const std::optional<CpuQuota> quota = quota_of_group(each, mount.v2);
      if (quota && (!smallest || quota->processors < smallest->processors)) smallest = quota;
    }
  }
  return smallest;
}

Processors usable_processors() { return {count_in_mask(), cpu_quota()}; }

int Processors::count() const {
  if (!quota) return std::max(in_mask, 1);
  return static_cast<int>(std::max(std::min<double>(in_mask, std::ceil(quota->processors)), 1.0));
}

std::string Processors::why() const {
  if (!quota || std::ceil(quota->processors) >= in_mask) return "the affinity mask";
  return fmt::format("the CPU quota of {:.4g} processors in {}", quota->processors, quota->file.string());
}

}  // namespace primal
