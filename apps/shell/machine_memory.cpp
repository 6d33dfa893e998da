#include "apps/shell/machine_memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace primal {
namespace {

namespace fs = std::filesystem;

std::optional<int64_t> number_in_file(const fs::path& file) {
  std::ifstream stream(file);
  int64_t number = 0;
  if (!(stream >> number)) return std::nullopt;  // no such file, or "max"
  return number;
}

std::optional<int64_t> available_to_system(const fs::path& root) {
  std::ifstream stream(root / "proc/meminfo");
  std::string name, unit;
  for (int64_t kilobytes = 0; stream >> name >> kilobytes;) {
    if (name == "MemAvailable:") return 1024 * kilobytes;
    std::getline(stream, unit);
  }
  return std::nullopt;
}

// The memory that the control group at the mounted root, which is the container's own, may still take;
// nothing where no limit can be read.
std::optional<int64_t> left_of_group(const fs::path& limit, const fs::path& usage) {
  const std::optional<int64_t> most = number_in_file(limit);
  if (!most) return std::nullopt;
  return std::max<int64_t>(*most - number_in_file(usage).value_or(0), 0);
}

}  // namespace

int64_t available_memory(const fs::path& root) {
  int64_t least = std::numeric_limits<int64_t>::max();
  const auto bound = [&least](std::optional<int64_t> bytes) {
    if (bytes) least = std::min(least, *bytes);
  };
  bound(available_to_system(root));
  const fs::path v2 = root / "sys/fs/cgroup", v1 = v2 / "memory";
  bound(left_of_group(v2 / "memory.max", v2 / "memory.current"));
  bound(left_of_group(v1 / "memory.limit_in_bytes", v1 / "memory.usage_in_bytes"));
  rlimit addresses{};
  if (getrlimit(RLIMIT_AS, &addresses) == 0 && addresses.rlim_cur < static_cast<rlim_t>(least))
    least = static_cast<int64_t>(addresses.rlim_cur);
  if (least == std::numeric_limits<int64_t>::max())
    least = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGE_SIZE);
  return least;
}

}  // namespace primal
