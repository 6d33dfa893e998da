// Every golden case, in f32 and f64, on every implementation: the project's own (tests/golden), and those below
// PRIMAL_GOLDEN where that folder exists.
#include "apps/golden/golden.h"

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>

#include "apps/register_ops.h"
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
