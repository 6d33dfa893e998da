// NUMA nodes: processors and the memory beside them, which they reach faster than that of other nodes. From the files of the kernel:
//
//   /sys/devices/system/node/nodeN/cpulist    "0-15,64-79"
//   /sys/devices/system/node/nodeN/meminfo    "Node N MemTotal:  131072 kB"
//
// A page of memory lies on the node of the thread that writes to it first.
// Source: Documentation/admin-guide/mm/numaperf.rst and Documentation/ABI/stable/sysfs-devices-node of the kernel.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace primal {

struct NumaNode {
  int number = 0;
  std::vector<int> processors = {};  // of the node, and in the affinity mask of this process; in rising order
  int64_t memory_bytes = 0;          // of the node; 0 where the kernel does not say
};

// Those with at least one processor that this process may use; empty where the kernel has no such files. They are looked for below `root`.
std::vector<NumaNode> usable_numa_nodes(const std::filesystem::path& root = "/");

// The processors in the affinity mask of this process.
std::vector<int> processors_in_mask();

// As the kernel writes lists: {0, 1, 2, 5} is "0-2,5".
std::string processor_list(const std::vector<int>& processors);
// ... and reads them; what is no number is left out.
std::vector<int> processors_of_list(const std::string& text);

}  // namespace primal
