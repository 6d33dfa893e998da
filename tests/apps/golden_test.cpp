// Every golden case, in f32 and f64, on every implementation: the project's own (tests/golden), and those
// below PRIMAL_GOLDEN where that folder exists.
#include "apps/golden/golden.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <set>

#include "apps/ops/kofler_dynamic_op.h"
#include "apps/ops/register_ops.h"
#include "data/safetensors/safetensors.h"
#include "support/op_test.h"
#include "support/temporary_folder.h"
#include "tensor/error.h"
#include "tensor/memory_pool.h"

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

std::string no_shared_cases() {
  return fmt::format(
      "there is no folder {}: set PRIMAL_GOLDEN to a folder of further golden cases, files as in "
      "tests/golden",
      shared_cases());
}

TEST(Golden, OwnCasesPassInF32) { expect_all_pass("tests/golden", DType::f32); }
TEST(Golden, OwnCasesPassInF64) { expect_all_pass("tests/golden", DType::f64); }

TEST(GoldenShared, CasesPassInF32) {
  if (!std::filesystem::is_directory(shared_cases())) GTEST_SKIP() << no_shared_cases();
  expect_all_pass(shared_cases(), DType::f32);
}

TEST(GoldenShared, CasesPassInF64) {
  if (!std::filesystem::is_directory(shared_cases())) GTEST_SKIP() << no_shared_cases();
  expect_all_pass(shared_cases(), DType::f64);
}

// The runs of a published network, recorded by its authors' code, with their weights beside them.
TEST(GoldenKofler, RecordedRunsPass) {
  const char* data = std::getenv("PRIMAL_DATA");
  const std::string folder = (data != nullptr ? data : "../shared/data") + std::string("/kofler");
  if (!std::filesystem::is_directory(folder))
    GTEST_SKIP() << "there is no folder " << folder
                 << ": set PRIMAL_DATA to a folder with the recorded runs of "
                 << "Kofler's dynamic network in kofler/";
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

// What an op reads of a golden case must be proven where central differences and every implementation are: an
// option that no corner case sets away from its default is one that nobody has looked at.
TEST(GoldenRunner, EveryOptionOfACaseIsVariedInTheCornerCasesOfItsOp) {
  const auto n_values = [](const OpInfo& op,
                           const std::string& option) {  // absence is one of them: the default
    std::set<std::string> values;
    for (const OpCase& corner : op.corner_cases)
      values.insert(corner.attrs.contains(option) ? corner.attrs.at(option).str() : "absent");
    return values.size();
  };
  std::vector<std::string> folders{"tests/golden"};
  if (std::filesystem::is_directory(shared_cases())) folders.push_back(shared_cases());
  // Not of the arithmetic: where to look, what is stored, who made it.
  const std::set<std::string> others{kCaseFolder, "grads", "file", "size", "source_mode"};
  std::set<std::pair<std::string, std::string>> seen;
  for (const auto& file : golden_files(folders)) {
    const GoldenCase golden = load_golden(file, DType::f32);
    const OpInfo* op = registered_ops().find(golden.op);
    ASSERT_NE(op, nullptr) << golden.op;
    for (const auto& [option, value] : golden.call.attrs) {
      if (others.contains(option) || !seen.insert({op->name, option}).second) continue;
      EXPECT_GE(n_values(*op, option), 2u) << op->name << ": its corner cases do not vary " << option << "; "
                                           << file << " has " << value.str();
    }
  }
  EXPECT_GT(seen.size(), 40u);
}

// A device that is lost, or has no memory left, says nothing of the case: no row, and no further case.
TEST(GoldenRunner, StopsWhereTheDeviceFailsAndNamesTheFile) {
  OpInfo op;
  op.name = "leaky_relu";
  op.judge = judge_relative_l2(1e-6, 1e-6);
  op.implementations = {{kReference, ""}};
  const std::string file = "tests/golden/leaky_relu_slope.safetensors";
  const auto verify = [&](std::function<OpResult(const OpCall&)> run) {
    op.run = std::move(run);
    OpRegistry ops;
    ops.add(op);
    return verify_file(file, DType::f32, ops);
  };
  try {
    verify([](const OpCall&) -> OpResult { throw DeviceError("[cuda] an illegal memory access"); });
    FAIL() << "no DeviceError";
  } catch (const DeviceError& error) {
    EXPECT_EQ(error.exit_code(), 4);
    EXPECT_EQ(std::string(error.what()), "[verify] stopped at " + file + ": [cuda] an illegal memory access");
  }
  MemoryPool empty({.of = "cuda:0", .allocate = [](size_t) { return nullptr; }, .free = [](void*) {}});
  EXPECT_THROW(verify([&](const OpCall&) -> OpResult {
                 empty.allocate(100000);
                 return {};
               }),
               DeviceError);
  const auto rows = verify([](const OpCall&) -> OpResult { throw ShapeError("[leaky_relu] a wrong call"); });
  EXPECT_FALSE(rows.front().ok);
  EXPECT_EQ(rows.front().message, "[leaky_relu] a wrong call");
}

TEST(GoldenRunner, RefusesFilesThatAreNoCases) {
  EXPECT_THROW(golden_files({"tests/golden/none.safetensors"}), IoError);
  EXPECT_THROW(load_golden("LICENSE", DType::f32), Error);
}

}  // namespace
}  // namespace primal
