// How much memory this process can still allocate before the machine or its container runs out.
#pragma once

#include <cstdint>
#include <filesystem>

namespace primal {

// In bytes: what the system counts as available (MemAvailable of /proc/meminfo), or less where a control
// group (memory.max, v1 memory.limit_in_bytes) or a limit on addresses (RLIMIT_AS, ulimit -v) leaves less;
// the physical memory if the system states none of these. Files are read below `root`.
int64_t available_memory(const std::filesystem::path& root = "/");

}  // namespace primal
