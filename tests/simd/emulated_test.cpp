// This program is built for Highway's emulated target, or for its scalar one where the compiler
// breaks that (g++ before 12.3).
#include <gtest/gtest.h>
#include <hwy/highway.h>

namespace {

TEST(EmulatedTarget, IsTheOneThisProgramIsBuiltFor) {
  EXPECT_EQ(HWY_TARGETS, HWY_STATIC_TARGET);
  EXPECT_TRUE(HWY_TARGET == HWY_EMU128 || HWY_TARGET == HWY_SCALAR) << hwy::TargetName(HWY_TARGET);
}

}  // namespace
