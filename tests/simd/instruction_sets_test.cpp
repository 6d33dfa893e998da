// The vector kernels on every instruction set that this machine has: the proofs of their ops hold on each.
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "nn/lambda_map/lambda_map.h"
#include "nn/linear/linear.h"
#include "nn/max_pool3d/max_pool3d.h"
#include "nn/upsample3d/upsample3d.h"
#include "support/op_test.h"

namespace primal {
namespace {

TEST(InstructionSets, OpsAreProvenOnEach) {
  for (const OpInfo& info : {lambda_map_info(), linear_info(), max_pool3d_info(), upsample3d_info()}) {
    for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
      SCOPED_TRACE(info.name + " on " + hwy::TargetName(target));
      hwy::SetSupportedTargetsForTest(target);
      expect_op_proven(info);
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

}  // namespace
}  // namespace primal
