// Vendor libraries are found where the header says, and a missing or broken one says what to do.
#include "tensor/cuda/vendor_library.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>

#include "support/temporary_folder.h"
#include "tensor/cuda/cublaslt_api.h"
#include "tensor/error.h"

namespace primal::cuda {
namespace {

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

TEST(VendorLibrary, AFunctionThatIsNotInItIsAnError) {
  VendorLibrary mathematics = kUnknown;
  mathematics.file = "libm.so.6";
  const LoadedLibrary library(mathematics);
  ASSERT_TRUE(library.loaded()) << library.problem();
  EXPECT_EQ(library.function<double (*)(double)>("cos")(0.0), 1.0);
  EXPECT_THROW(library.function<void (*)()>("cudnnCreate"), DeviceError);
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
