// Every op's CUDA kernels, on the emulation or on a device, against the reference in double, over
// the op's corner cases.
#include "support/device_ops.h"

#include <algorithm>
#include <gtest/gtest.h>

#include "apps/ops/register_ops.h"
#include "autograd/op_check.h"
#include "support/test_device.h"
#include "tensor/vendor/vendor_status.h"

namespace primal {
namespace {

class OnDevice : public ::testing::TestWithParam<std::string> {};

// Whether the library of an implementation is not on this machine.
bool lacks_library(std::string_view implementation) {
  return std::ranges::any_of(vendor_libraries(), [&](const VendorStatus& library) {
    return implementation.starts_with(library.implementation) && !library.problem.empty();
  });
}

TEST_P(OnDevice, AgreesWithTheReference) {
  PRIMAL_SKIP_WITHOUT_DEVICE();
  const OpInfo& op = *registered_ops().find(GetParam());
  const std::vector<OpCheckRow> rows = check_op(op, testing::kTestDevice);
  for (const OpCheckRow& row : rows) {
    EXPECT_TRUE(row.ok) << row.implementation << ", case " << row.op_case << ", " << row.proof << ": "
                        << row.message;
  }
  for (const ImplementationInfo& implementation : op.implementations_on(testing::kTestDevice.kind)) {
    if (lacks_library(implementation.name)) continue;
    const bool ran = std::ranges::any_of(
        rows, [&](const OpCheckRow& row) { return row.implementation == implementation.name; });
    EXPECT_TRUE(ran) << "no corner case ran " << implementation.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, OnDevice, ::testing::ValuesIn(testing::ops_with_kernels()),
                         [](const auto& named) { return named.param; });

}  // namespace
}  // namespace primal
