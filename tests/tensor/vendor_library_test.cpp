// Vendor libraries are found where the header says, and a missing or broken one says what to do.
#include "tensor/vendor/vendor_library.h"

#include <algorithm>
#include <array>
#include <cfenv>
#include <cstdlib>
#include <fmt/core.h>
#include <fstream>
#include <gtest/gtest.h>

#include "support/temporary_folder.h"
#include "tensor/cuda/launch_error.h"
#include "tensor/error.h"
#include "tensor/vendor/cublaslt_api.h"

extern "C" int primal_no_such_function(int);

namespace primal::cuda {
namespace {

#define PRIMAL_ROUNDING_FUNCTIONS(X) X(fegetround)
PRIMAL_VENDOR_API(RoundingApi, PRIMAL_ROUNDING_FUNCTIONS);
#define PRIMAL_OTHER_VERSION_FUNCTIONS(X) X(fegetround) X(primal_no_such_function)
PRIMAL_VENDOR_API(OtherVersionApi, PRIMAL_OTHER_VERSION_FUNCTIONS);

namespace fs = std::filesystem;

// An environment variable, set while it lives.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~Environment() { ::unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
};

const VendorLibrary kUnknown{.name = "cuNone",
                             .file = "libcunone.so.1",
                             .root = "CUNONE_ROOT",
                             .of_python = {"cunone/lib", "cu13/lib"}};

fs::path write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
  return path;
}

TEST(VendorLibrary, TheNamedFolderComesFirstAndPythonEnvironmentsLast) {
  const primal::testing::TemporaryFolder folder;
  const fs::path in_lib = write(folder / "root/lib/libcunone.so.1", "x");
  const fs::path of_python =
      write(folder / "venv/lib/python3.11/site-packages/nvidia/cunone/lib/libcunone.so.1", "x");
  const fs::path together = write(folder / "path/nvidia/cu13/lib/libcunone.so.1", "x");
  const Environment root("CUNONE_ROOT", (folder / "root").string());
  const Environment venv("VIRTUAL_ENV", (folder / "venv").string());
  const Environment path("PYTHONPATH", "/nowhere:" + (folder / "path").string());
  EXPECT_EQ(library_candidates(kUnknown), (std::vector<std::string>{in_lib.string(), "libcunone.so.1",
                                                                    of_python.string(), together.string()}));
}

TEST(VendorLibrary, TheEnvironmentOfTheFirstPythonInThePathIsSearched) {
  const primal::testing::TemporaryFolder folder;
  const fs::path library =
      write(folder / "env/lib/python3.12/site-packages/nvidia/cunone/lib/libcunone.so.1", "x");
  write(folder / "other/lib/python3.12/site-packages/nvidia/cunone/lib/libcunone.so.1", "x");
  for (const char* name : {"env", "other"}) {  // links, as virtual environments have them
    fs::create_directories(folder / name / "bin");
    fs::create_symlink("/usr/bin/python3", folder / name / "bin/python3");
  }
  const std::string before = std::getenv("PATH");
  const std::string both =
      fmt::format("/nowhere:{}:{}", (folder / "env/bin").string(), (folder / "other/bin").string());
  {
    const Environment path("PATH", both);
    EXPECT_EQ(library_candidates(kUnknown), std::vector<std::string>{"libcunone.so.1"}) << "no pyvenv.cfg";
    write(folder / "env/pyvenv.cfg", "home = /usr/bin");
    EXPECT_EQ(library_candidates(kUnknown), (std::vector<std::string>{"libcunone.so.1", library.string()}));
  }
  ::setenv("PATH", before.c_str(), 1);
}

TEST(VendorLibrary, OneThatIsNotThereSaysWhereToPutIt) {
  const LoadedLibrary library(kUnknown);
  EXPECT_FALSE(library.loaded());
  EXPECT_NE(library.problem().find("cuNone was not found"), std::string::npos) << library.problem();
  EXPECT_NE(library.problem().find("set CUNONE_ROOT"), std::string::npos) << library.problem();
  EXPECT_THROW(library.function<void (*)()>("begin"), DeviceError);
}

TEST(VendorLibrary, AFileThatIsNoLibraryIsNamedAndPassedOver) {
  const primal::testing::TemporaryFolder folder;
  const fs::path broken = write(folder / "libcunone.so.1", "not an ELF file");
  const Environment root("CUNONE_ROOT", folder.path().string());
  const LoadedLibrary library(kUnknown);
  EXPECT_FALSE(library.loaded());
  EXPECT_NE(library.problem().find(broken.string()), std::string::npos) << library.problem();
}

TEST(VendorLibrary, OneReasonIsGivenOnce) {
  const primal::testing::TemporaryFolder folder;
  const fs::path broken = write(folder / "path/nvidia/cunone/lib/libcunone.so.1", "not an ELF file");
  const std::string path = (folder / "path").string();
  const Environment twice("PYTHONPATH", path + ":" + path);
  const LoadedLibrary library(kUnknown);
  const std::string& problem = library.problem();
  const size_t first = problem.find(broken.string());
  EXPECT_NE(first, std::string::npos) << problem;
  EXPECT_EQ(problem.find(broken.string(), first + 1), std::string::npos) << problem;
}

// A kernel's fault is reported by a later call: the message names what was launched since the host last
// waited.
TEST(LaunchError, AFaultNamesTheLaunchesNobodyHasWaitedFor) {
  note_launch("long_done");
  note_wait();
  EXPECT_EQ(suspects("cudaErrorIllegalAddress"), "") << "nothing under way";
  note_launch("pdhg_forward");
  note_launch("adam");
  note_launch("pdhg_forward");
  EXPECT_EQ(suspects("cudaErrorIllegalAddress"),
            "; launched since the host last waited: adam, pdhg_forward (PRIMAL_CUDA_SYNC=1 tells which)");
  EXPECT_EQ(suspects("cudaErrorInvalidValue"), "") << "of the call itself";
  try {
    throw_launch_error("conv3d", {1, 2, 3}, {32, 4, 1}, 512, "cudaErrorLaunchFailure",
                       "unspecified launch failure");
  } catch (const DeviceError& error) {
    const std::string text = error.what();
    EXPECT_EQ(text.find("[conv3d] launch of 1x2x3 blocks of 32x4x1 threads with 512 bytes"), 0u) << text;
    EXPECT_NE(text.find("last waited: adam, pdhg_forward"), std::string::npos) << text;
  }
  note_wait();
}

TEST(VendorLibrary, AFunctionThatIsNotInItIsAnError) {
  VendorLibrary mathematics = kUnknown;
  mathematics.file = "libm.so.6";
  const LoadedLibrary library(mathematics);
  ASSERT_TRUE(library.loaded()) << library.problem();
  EXPECT_EQ(library.function<double (*)(double)>("cos")(0.0), 1.0);
  EXPECT_THROW(library.function<void (*)()>("cudnnCreate"), DeviceError);
}

TEST(VendorLibrary, ATableOfFunctionsIsFilledOrSaysWhatIsMissing) {
  VendorLibrary mathematics = kUnknown;
  mathematics.file = "libm.so.6";
  const VendorApi<RoundingApi> whole(mathematics);
  ASSERT_TRUE(whole.usable()) << whole.problem();
  EXPECT_EQ(whole.functions().fegetround(), std::fegetround());

  const VendorApi<OtherVersionApi> other(mathematics);
  EXPECT_FALSE(other.usable());
  EXPECT_NE(other.problem().find("primal_no_such_function"), std::string::npos) << other.problem();
  EXPECT_THROW(other.functions(), DeviceError);
}

TEST(VendorLibrary, APathIsTakenAsItIs) {
  const VendorLibrary library{
      .name = "cuNone", .file = "/nowhere/libcunone.so.1", .root = {}, .of_python = {}};
  EXPECT_EQ(library_candidates(library), std::vector<std::string>{library.file});
  EXPECT_EQ(LoadedLibrary(library).problem().find("set "), std::string::npos);
}

TEST(CublasLt, IsToldTheAlignmentThatEachMatrixHas) {
  alignas(512) static const std::array<float, 256> memory{};
  EXPECT_EQ(alignment_of(memory.data(), 1, 3), 256u);
  EXPECT_EQ(alignment_of(memory.data() + 1, 1, 0), 4u);
  EXPECT_EQ(alignment_of(memory.data() + 6, 1, 0), 8u);
  EXPECT_EQ(alignment_of(memory.data(), 2, 0), 256u) << "shared";
  EXPECT_EQ(alignment_of(memory.data(), 2, 128), 256u);
  EXPECT_EQ(alignment_of(memory.data(), 2, 4 * 5), 16u) << "that of the second";
  EXPECT_EQ(alignment_of(memory.data() + 2, 2, 4 * 5), 8u);
}

}  // namespace
}  // namespace primal::cuda
