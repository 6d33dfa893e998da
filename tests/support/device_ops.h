// The ops that have kernels for the device of a test program.
#pragma once

#include <string>
#include <vector>

#include "apps/ops/register_ops.h"
#include "support/test_device.h"

namespace primal::testing {

inline std::vector<std::string> ops_with_kernels() {
  std::vector<std::string> names;
  for (const OpInfo& op : registered_ops().ops()) {
    if (!op.implementations_on(kTestDevice.kind).empty()) names.push_back(op.name);
  }
  return names;
}

}  // namespace primal::testing
