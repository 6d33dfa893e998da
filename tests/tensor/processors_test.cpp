// CPU quotas in trees of control groups as containers see them, made of plain files.
#include "tensor/threads/processors.h"

#include <fstream>
#include <gtest/gtest.h>

#include "support/temporary_folder.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

class CpuQuotaTest : public ::testing::Test {
 protected:
  void write(const std::string& file, const std::string& text) const {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text;
  }
  // The tree of version 2, of which the group `top` is what is mounted.
  void mount_v2(const std::string& top = "/") const {
    write("proc/self/mountinfo",
          "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
          "30 22 0:26 " +
              top + " /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
  }
  void mount_v1(const std::string& top = "/") const {
    write("proc/self/mountinfo",
          "31 22 0:27 " + top +
              " /sys/fs/cgroup/cpu,cpuacct rw shared:5 - cgroup cgroup rw,cpu,cpuacct\n"
              "32 22 0:28 " +
              top + " /sys/fs/cgroup/cpuset rw shared:6 - cgroup cgroup rw,cpuset\n");
  }
  void v1_quota(const std::string& folder, const std::string& quota, const std::string& period) const {
    write("sys/fs/cgroup/cpu,cpuacct" + folder + "/cpu.cfs_quota_us", quota);
    write("sys/fs/cgroup/cpu,cpuacct" + folder + "/cpu.cfs_period_us", period);
  }
  double processors() const {
    const auto quota = cpu_quota(root_);
    return quota ? quota->processors : -1.0;
  }

  primal::testing::TemporaryFolder folder_;
  const fs::path& root_ = folder_.path();
};

TEST_F(CpuQuotaTest, IsAbsentWhereThereAreNoGroups) { EXPECT_EQ(processors(), -1.0); }

TEST_F(CpuQuotaTest, IsReadFromTheGroupOfTheProcess) {
  mount_v2();
  write("proc/self/cgroup", "0::/user.slice/job\n");
  write("sys/fs/cgroup/user.slice/job/cpu.max", "150000 100000\n");
  write("sys/fs/cgroup/user.slice/other/cpu.max", "10000 100000\n");
  const auto quota = cpu_quota(root_);
  ASSERT_TRUE(quota);
  EXPECT_EQ(quota->processors, 1.5);
  EXPECT_EQ(quota->file, root_ / "sys/fs/cgroup/user.slice/job/cpu.max");
}

TEST_F(CpuQuotaTest, IsTheSmallestOnTheWayUp) {
  mount_v2();
  write("proc/self/cgroup", "0::/a/b/c\n");
  write("sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n");
  EXPECT_EQ(processors(), -1.0);
  write("sys/fs/cgroup/a/cpu.max", "200000 50000\n");
  EXPECT_EQ(processors(), 4.0);
  write("sys/fs/cgroup/a/b/cpu.max", "30000 10000\n");
  EXPECT_EQ(processors(), 3.0);
}

// A container with a namespace of its own: its group is the root it sees.
TEST_F(CpuQuotaTest, IsReadFromTheRootOfANamespace) {
  mount_v2();
  write("proc/self/cgroup", "0::/\n");
  write("sys/fs/cgroup/cpu.max", "50000 100000");
  EXPECT_EQ(processors(), 0.5);
}

// A container without one: only its own part of the tree is mounted, under the name that the host knows.
TEST_F(CpuQuotaTest, IsReadBelowAMountedPartOfTheTree) {
  mount_v2("/docker/1234");
  write("proc/self/cgroup", "0::/docker/1234/worker\n");
  write("sys/fs/cgroup/cpu.max", "400000 100000");
  EXPECT_EQ(processors(), 4.0);
  write("sys/fs/cgroup/worker/cpu.max", "200000 100000");
  EXPECT_EQ(processors(), 2.0);
}

TEST_F(CpuQuotaTest, IsThatOfTheMountedRootWhereTheGroupLiesOutside) {
  mount_v2("/docker/1234");
  write("proc/self/cgroup", "0::/elsewhere\n");
  write("sys/fs/cgroup/cpu.max", "100000 100000");
  EXPECT_EQ(processors(), 1.0);
  mount_v2("/../..");
  write("proc/self/cgroup", "0::/../../x\n");
  write("sys/fs/cgroup/x/cpu.max", "100000 200000");
  EXPECT_EQ(processors(), 0.5);
}

TEST_F(CpuQuotaTest, IsReadFromVersionOne) {
  mount_v1();
  write("proc/self/cgroup", "9:cpuset:/elsewhere\n4:cpu,cpuacct:/job\n0::/unused\n");
  v1_quota("/job", "-1\n", "100000\n");
  EXPECT_EQ(processors(), -1.0);
  v1_quota("", "250000\n", "100000\n");
  EXPECT_EQ(processors(), 2.5);
  v1_quota("/job", "20000\n", "10000\n");
  EXPECT_EQ(processors(), 2.0);
}

TEST_F(CpuQuotaTest, ReadsNamesWithSpaces) {
  write("proc/self/mountinfo", "30 22 0:26 / /sys/my\\040groups rw - cgroup2 cgroup2 rw\n");
  write("proc/self/cgroup", "0::/a job\n");
  write("sys/my groups/a job/cpu.max", "300000 100000");
  EXPECT_EQ(processors(), 3.0);
}

TEST_F(CpuQuotaTest, IgnoresWhatItCannotRead) {
  write("proc/self/mountinfo", "30 22\n\n30 22 0:26 / /sys/fs/cgroup rw - cgroup2\nnonsense - - -\n");
  write("proc/self/cgroup", "0\n:\n");
  EXPECT_EQ(processors(), -1.0);
  mount_v2();
  write("proc/self/cgroup", "0::/job");
  for (const char* text : {"", "max", "many 100000", "100000", "0 100000", "-5 100000", "100000 0"}) {
    write("sys/fs/cgroup/job/cpu.max", text);
    EXPECT_EQ(processors(), -1.0) << text;
  }
}

TEST(Processors, CountsTheSmallerOfMaskAndQuotaRoundedUp) {
  const auto with = [](int mask, double quota) { return Processors{mask, CpuQuota{quota, "/g/cpu.max"}}; };
  EXPECT_EQ((Processors{8, {}}).count(), 8);
  EXPECT_EQ(with(8, 1.5).count(), 2);
  EXPECT_EQ(with(8, 0.25).count(), 1);
  EXPECT_EQ(with(8, 64.0).count(), 8);
  EXPECT_EQ(with(2, 1e9).count(), 2);
  EXPECT_EQ((Processors{8, {}}).why(), "the affinity mask");
  EXPECT_EQ(with(8, 64.0).why(), "the affinity mask");
  EXPECT_EQ(with(8, 1.5).why(), "the CPU quota of 1.5 processors in /g/cpu.max");
}

TEST(Processors, HereAreAtLeastOne) {
  const Processors here = usable_processors();
  EXPECT_GE(here.in_mask, 1);
  EXPECT_GE(here.count(), 1);
  EXPECT_LE(here.count(), here.in_mask);
}

}  // namespace
}  // namespace primal
