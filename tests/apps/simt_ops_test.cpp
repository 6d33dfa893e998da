// Every op's CUDA kernels on the emulation, against the reference in double, over the op's corner cases; and the golden cases.
#include <algorithm>
#include <gtest/gtest.h>

#include "apps/register_ops.h"
#include "autograd/op_check.h"

namespace primal {
namespace {

class OnSimt : public testing::TestWithParam<std::string> {};

std::vector<std::string> ops_with_kernels() {
  std::vector<std::string> names;
  for (const OpInfo& op : registered_ops().ops()) {
    if (!op.implementations_on(Device::Kind::simt).empty()) names.push_back(op.name);
  }
  return names;
}

TEST_P(OnSimt, AgreesWithTheReference) {
  const OpInfo& op = *registered_ops().find(GetParam());
  const std::vector<OpCheckRow> rows = check_op(op, Device::simt());
  for (const OpCheckRow& row : rows) {
    EXPECT_TRUE(row.ok) << row.implementation << ", case " << row.op_case << ", " << row.proof << ": "
                        << row.message;
  }
  for (const ImplementationInfo& implementation : op.implementations_on(Device::Kind::simt)) {
    const bool ran = std::ranges::any_of(
        rows, [&](const OpCheckRow& row) { return row.implementation == implementation.name; });
    EXPECT_TRUE(ran) << "no corner case ran " << implementation.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, OnSimt, testing::ValuesIn(ops_with_kernels()),
                         [](const auto& named) { return named.param; });

}  // namespace
}  // namespace primal
