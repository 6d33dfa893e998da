// Processors: how many this process may use, by its affinity mask and by the CPU quota of its control group.
//
// A container that gets two processors' worth of time on a machine of 64 sees all 64 in its affinity mask;
// with 64 threads it would use up its quota in a few milliseconds and then stand still for the rest of each
// period.
//   v2   cpu.max, "QUOTA PERIOD" or "max PERIOD", of the group and of each group above it
//   v1   cpu.cfs_quota_us and cpu.cfs_period_us; a quota of -1 is none
// Groups are found by /proc/self/cgroup and /proc/self/mountinfo: a container may see its own group as the
// root, or only a part of the tree. Where the two do not fit together, the mounted root is what counts.
// Source: cgroups(7), proc(5), Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/ of the kernel.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace primal {

struct CpuQuota {
  double processors = 0.0;     // as much time as so many processors have
  std::filesystem::path file;  // that says so
};

struct Processors {
  int in_mask = 1;                // of the affinity mask
  std::optional<CpuQuota> quota;  // the smallest there is

  int count() const;  // the smaller of the two, a quota rounded up; at least 1
  std::string why()
      const;  // which of them decides: "the affinity mask", "the CPU quota of 1.5 processors in FILE"
};

Processors usable_processors();

// The numbers of the processors in the affinity mask of this process, in rising order; empty if
// the kernel does not tell.
std::vector<int> processors_in_mask();

// The smallest quota that holds for this process. Files are looked for below `root`.
std::optional<CpuQuota> cpu_quota(const std::filesystem::path& root = "/");

}  // namespace primal
