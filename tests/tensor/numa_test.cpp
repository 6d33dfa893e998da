// NUMA nodes from files as the kernel has them.
#include "tensor/threads/numa.h"

#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>

#include "support/temporary_folder.h"
#include "tensor/threads/processors.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

TEST(ProcessorList, IsReadAndWrittenAsTheKernelDoes) {
  const std::vector<int> some{0, 1, 2, 5, 8, 9};
  EXPECT_EQ(processor_list(some), "0-2,5,8-9");
  EXPECT_EQ(processors_of_list("0-2,5,8-9"), some);
  EXPECT_EQ(processors_of_list(processor_list(processors_in_mask())), processors_in_mask());
  EXPECT_EQ(processor_list({}), "");
  EXPECT_TRUE(processors_of_list("").empty());
  EXPECT_EQ(processors_of_list("x,3"), std::vector<int>{3});
  EXPECT_EQ(processors_of_list("4-2"), std::vector<int>{});
  EXPECT_EQ(processors_of_list("0-99999999").size(), 4096U) << "no more than the kernel knows";
}

TEST(NumaNodes, AreThoseWithAProcessorOfThisProcess) {
  const std::vector<int> mine = processors_in_mask();
  ASSERT_FALSE(mine.empty());
  const testing::TemporaryFolder root;
  const fs::path nodes = root / "sys/devices/system/node";
  const auto write = [&](const std::string& file, const std::string& text) {
    fs::create_directories((nodes / file).parent_path());
    std::ofstream(nodes / file) << text;
  };
  write("node10/cpulist", fmt::format("{},4000-4001\n", mine.front()));
  write("node10/meminfo", "\nNode 10 MemTotal:       2048 kB\nNode 10 MemFree:        1024 kB\n");
  write("node2/cpulist", "4002-4003\n");  // of other processes
  write("node3/cpulist", processor_list(mine) + "\n");
  write("possible", "0-10\n");
  write("nodes/cpulist", processor_list(mine));
  const std::vector<NumaNode> found = usable_numa_nodes(root / "");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].number, 3);
  EXPECT_EQ(found[0].processors, mine);
  EXPECT_EQ(found[0].memory_bytes, 0) << "not said";
  EXPECT_EQ(found[1].number, 10);
  EXPECT_EQ(found[1].processors, std::vector<int>{mine.front()});
  EXPECT_EQ(found[1].memory_bytes, 2048 * 1024);
}

TEST(NumaNodes, AreNoneWithoutTheKernelsFiles) {
  const testing::TemporaryFolder root;
  EXPECT_TRUE(usable_numa_nodes(root / "").empty());
}

}  // namespace
}  // namespace primal
