// NCCL's library, where this machine has one: it has what tensor/vendor/nccl_api.h declares. No GPU is
// needed.
#include <gtest/gtest.h>

#include "tensor/vendor/nccl_api.h"

namespace primal::cuda {
namespace {

TEST(NcclLibrary, HasTheFunctionsOfItsTable) {
  const VendorApi<NcclApi>& library = nccl_library();
  // A library that was found but lacks a function has a path.
  if (library.path().empty()) GTEST_SKIP() << library.problem();
  ASSERT_TRUE(library.usable()) << library.problem();
  EXPECT_GE(nccl_version(library.functions()), 21400);
  EXPECT_STREQ(library.functions().ncclGetErrorString(NcclResult::success), "no error");
}

TEST(NcclLibrary, AMissingOneSaysWhatToDo) {
  const VendorApi<NcclApi> library(
      {.name = "NCCL", .file = "/nowhere/libnccl.so.2", .root = "NCCL_ROOT", .of_python = {}});
  EXPECT_FALSE(library.usable());
  EXPECT_TRUE(library.problem().starts_with("NCCL was not found (")) << library.problem();
  EXPECT_TRUE(library.problem().ends_with("; set NCCL_ROOT to its folder")) << library.problem();
  EXPECT_THROW(library.functions(), DeviceError);
}

TEST(NcclLibrary, ItsVersionIsANumberOfThreeParts) {
  EXPECT_EQ(nccl_version_text(22809), "2.28.9");
  EXPECT_EQ(nccl_version_text(21400), "2.14.0");
}

}  // namespace
}  // namespace primal::cuda
