// NUMA nodes: groups of processors with memory of their own, which they reach faster than the memory of other
// nodes. They are read from files of the Linux kernel:
//
//   /sys/devices/system/node/nodeN/cpulist    "0-15,64-79"
//   /sys/devices/system/node/nodeN/meminfo    "Node N MemTotal:  131072 kB"
//
// A page of memory lies on the node of the thread that writes to it first.
// Source: Documentation/admin-guide/mm/numaperf.rst and
//         Documentation/ABI/stable/sysfs-devices-node of the kernel.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace primal {

struct NumaNode {
  int number = 0;
  std::vector<int> processors = {};  // of the node, and in the affinity mask of this process; in rising order
  int64_t memory_bytes = 0;          // of the node; 0 if the kernel does not report it
};

// The nodes with at least one processor that this process may use; empty if the kernel has no such files.
// `root` is the folder that contains sys/devices.
std::vector<NumaNode> usable_numa_nodes(const std::filesystem::path& root = "/");

// Writes a list as the kernel does: {0, 1, 2, 5} is "0-2,5".
std::string processor_list(const std::vector<int>& processors);
// Reads such a list, and skips what is not a number.
std::vector<int> processors_of_list(const std::string& text);

}  // namespace primal
