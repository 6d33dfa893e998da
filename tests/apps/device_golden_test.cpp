// The project's golden cases on a device, on every implementation that runs there: the emulation, or a CUDA
// device.
#include <gtest/gtest.h>

#include "apps/golden/golden.h"
#include "apps/ops/register_ops.h"
#include "support/test_device.h"

namespace primal {
namespace {

TEST(DeviceGolden, OwnCasesPass) {
  PRIMAL_SKIP_WITHOUT_DEVICE();
  const auto files = golden_files({"tests/golden"});
  ASSERT_FALSE(files.empty());
  for (const auto& file : files) {
    for (const GoldenRow& row :
         run_golden(load_golden(file, DType::f32), registered_ops(), testing::kTestDevice))
      EXPECT_TRUE(row.ok) << file << ", " << row.implementation << ": " << row.message;
  }
}

}  // namespace
}  // namespace primal
