// A rehearsal counts memory and computes nothing; nothing of it is left afterwards.
#include "tensor/rehearsal.h"

#include <gtest/gtest.h>

#include "tensor/error.h"
#include "tensor/scratch.h"
#include "tensor/tensor.h"

namespace primal {
namespace {

constexpr int64_t kLarge = int64_t{1} << 40;  // elements: more than any machine has memory for

TEST(Rehearsal, LeavesOutWorkOnTheElementsOfTensors) {
  const Rehearsal rehearsal;
  const Tensor x = Tensor::full({kLarge}, 1.0);
  x.fill(2.0);
  const auto never = [](auto&&...) { FAIL(); };
  parallel_for(Exec{}, kLarge, 1, never);
  parallel_for<float>(Exec{}, kLarge, 1, kLarge, never);
  parallel_region(Exec{}, never);
  unless_rehearsing(never);
  EXPECT_EQ(parallel_sum(Exec{}, 3, 1, [](int64_t, int64_t) { return 1.0; }), 0.0);
  EXPECT_EQ(x.to(DType::f64).shape(), x.shape());
}

TEST(Rehearsal, CountsTensorsAndScratch) {
  const Rehearsal rehearsal;
  const Tensor x = Tensor::empty({kLarge});
  EXPECT_EQ(rehearsal.stats().live_bytes, sizeof(float) * kLarge);
  {
    const Scratch<float> scratch(Exec{}, kLarge);
    EXPECT_EQ(rehearsal.stats().live_bytes, 2 * sizeof(float) * kLarge);
  }
  EXPECT_EQ(rehearsal.stats().live_bytes, sizeof(float) * kLarge);
  EXPECT_EQ(rehearsal.stats().peak_bytes, 2 * sizeof(float) * kLarge);
}

// No pointer that leads nowhere: what cannot be addressed is refused as memory is.
TEST(Rehearsal, RefusesWhatAProcessCannotAddress) {
  const Rehearsal rehearsal;
  EXPECT_THROW(Tensor::empty({int64_t{1} << 58}), DeviceError);
  const Tensor x = Tensor::empty({kLarge});
  x.data<float>()[kLarge - 1] = 1.0F;  // a page is there when it is touched
  EXPECT_EQ(x.data<float>()[kLarge - 1], 1.0F);
}

TEST(Rehearsal, SmallBlocksHoldValues) {
  const Rehearsal rehearsal;
  const Tensor x = Tensor::full({3}, 2.0);
  EXPECT_EQ(x.to(DType::f64).to_doubles(), (std::vector<double>{2, 2, 2}));
  EXPECT_TRUE(Rehearsal::holds_values(x.bytes()));
  EXPECT_FALSE(Rehearsal::holds_values(Rehearsal::kReal));
}

TEST(Rehearsal, WhatOpsKeepOnADeviceInItIsGoneAfterIt) {
  struct Kept {
    int value = 0;
  };
  for (const Device device : {Device{}, Device::simt()}) {
    backend(device).kept<Kept>().value = 1;
    for (int round = 0; round < 2; ++round) {
      const Rehearsal rehearsal;
      EXPECT_EQ(backend(device).kept<Kept>().value, 0);
      backend(device).kept<Kept>().value = 2;
      EXPECT_EQ(backend(device).kept<Kept>().value, 2);
    }
    EXPECT_EQ(backend(device).kept<Kept>().value, 1);
  }
}

TEST(Rehearsal, DoesNotNest) {
  const Rehearsal rehearsal;
  EXPECT_TRUE(Rehearsal::active());
  EXPECT_THROW(Rehearsal(), ConfigError);
}

}  // namespace
}  // namespace primal
