// What every op's test asks first: all proofs of check_op over the op's corner cases hold, on every
// implementation.
#pragma once

#include <gtest/gtest.h>
#include <set>
#include <string>

#include "autograd/op_check.h"

namespace primal {

inline void expect_op_proven(const OpInfo& info) {
  const std::vector<OpCheckRow> rows = check_op(info);
  std::set<std::string> proven;
  for (const OpCheckRow& row : rows) {
    EXPECT_TRUE(row.ok) << row.implementation << ", case " << row.op_case << ", " << row.proof << ": "
                        << row.message;
    proven.insert(row.implementation);
  }
  for (const ImplementationInfo& implementation : info.implementations_on(Device::Kind::cpu)) {
    EXPECT_TRUE(proven.contains(std::string(implementation.name)))
        << info.name << ": no corner case ran " << implementation.name;
  }
}

}  // namespace primal
