// Every golden case, in f32 and f64, on every implementation: the project's own (tests/golden), and those below
// PRIMAL_GOLDEN where that folder exists.
#include "apps/golden/golden.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

#include "apps/golden/kofler_dynamic_op.h"
#include "apps/register_ops.h"
#include "data/safetensors/safetensors.h"
#include "support/op_test.h"
#include "support/temporary_folder.h"
#include "tensor/error.h"

namespace primal {
namespace {

void expect_all_pass(const std::string& folder, DType dtype) {
  const auto files = golden_files({folder});
  ASSERT_FALSE(files.empty()) << folder;
  for (const auto& file : files) {
    for (const GoldenRow& row : run_golden(load_golden(file, dtype), registered_ops())) {
      EXPECT_TRUE(row.ok) << file << ", " << row.implementation << ": " << row.message;
    }
  }
}

std::string shared_cases() {
  const char* folder = std::getenv("PRIMAL_GOLDEN");
  return folder != nullptr ? folder : "../shared/golden";
}

TEST(Golden, OwnCasesPassInF32) { expect_all_pass("tests/golden", DType::f32); }
TEST(Golden, OwnCasesPassInF64) { expect_all_pass("tests/golden", DType::f64); }

TEST(GoldenShared, CasesPassInF32) {
  if (!std::filesystem::is_directory(shared_cases()))
    GTEST_SKIP() << "no PRIMAL_GOLDEN folder: " << shared_cases();
  expect_all_pass(shared_cases(), DType::f32);
}

TEST(GoldenShared, CasesPassInF64) {
  if (!std::filesystem::is_directory(shared_cases()))
    GTEST_SKIP() << "no PRIMAL_GOLDEN folder: " << shared_cases();
  expect_all_pass(shared_cases(), DType::f64);
}

// The runs of a published network, recorded by its authors' code, with their weights beside them.
TEST(GoldenKofler, RecordedRunsPass) {
  const char* data = std::getenv("PRIMAL_DATA");
  const std::string folder = (data != nullptr ? data : "../shared/data") + std::string("/kofler");
  if (!std::filesystem::is_directory(folder)) GTEST_SKIP() << "no PRIMAL_DATA folder: " << folder;
  expect_all_pass(folder, DType::f32);
  expect_all_pass(folder, DType::f64);
}

TEST(GoldenKofler, GeneratedCasesAgreeWithFloat64) { expect_op_proven(kofler_dynamic_info()); }

TEST(GoldenKofler, RefusesAFolderWithoutTheWeightsAndAnUnknownPhase) {
  OpCall call;
  call.inputs["noisy"] = Tensor::full({1, 1, 4, 4, 4}, 0.5);
  call.attrs = {{"filters", 1}, {"stages", 1}, {"T", 1}, {"pad_xy", 1}, {"pad_t", 1}};
  EXPECT_NO_THROW(kofler_dynamic_info().run(call));
  call.attrs["phase"] = "holiday";
  EXPECT_THROW(kofler_dynamic_info().run(call), DataError);
  call.attrs["phase"] = "testing";
  call.attrs[kCaseFolder] = "tests/golden";
  EXPECT_THROW(kofler_dynamic_info().run(call), IoError);
}

TEST(GoldenRunner, LeavesOutWeightsInAFolderButNotByName) {
  const testing::TemporaryFolder folder;
  const std::filesystem::path weights = folder / "weights.safetensors";
  const std::filesystem::path broken = folder / "broken.safetensors";
  write_safetensors(weights, {{"w", Tensor::zeros({2})}});
  std::ofstream(broken) << "no such format";
  EXPECT_EQ(golden_files({folder.path().string()}), std::vector<std::filesystem::path>{broken});
  EXPECT_EQ(golden_files({weights.string()}), std::vector<std::filesystem::path>{weights});
  EXPECT_THROW(load_golden(weights, DType::f32), DataError);
}

TEST(GoldenRunner, CatchesAWrongNumberAndAnUnknownOp) {
  GoldenCase golden = load_golden("tests/golden/leaky_relu_slope.safetensors", DType::f32);
  golden.outputs.at("y").data<float>()[0] += 0.01f;
  const std::vector<GoldenRow> rows = run_golden(golden, registered_ops());
  EXPECT_FALSE(rows.front().ok);
  EXPECT_NE(rows.front().message.find("output.y"), std::string::npos) << rows.front().message;

  golden.op = "no_such_op";
  EXPECT_FALSE(run_golden(golden, registered_ops()).front().ok);
  golden.op = "leaky_relu";
  golden.grads["unheard_of"] = Tensor::zeros({1});
  EXPECT_FALSE(run_golden(golden, registered_ops()).front().ok);
}

TEST(GoldenRunner, RefusesFilesThatAreNoCases) {
  EXPECT_THROW(golden_files({"tests/golden/none.safetensors"}), IoError);
  EXPECT_THROW(load_golden("LICENSE", DType::f32), Error);
}

}  // namespace
}  // namespace primal
