// The device that a test program of devices runs on: the emulation, or with PRIMAL_TEST_CUDA a CUDA device.
#pragma once

#include <gtest/gtest.h>

#include "tensor/device.h"

namespace primal::testing {

#ifdef PRIMAL_TEST_CUDA
constexpr Device kTestDevice = Device::cuda();
#else
constexpr Device kTestDevice = Device::simt();
#endif

// Why there is no such device here; empty where there is one.
inline std::string absent_device() {
  return kTestDevice.kind == Device::Kind::cuda ? cuda_status().absent : std::string();
}

#define PRIMAL_SKIP_WITHOUT_DEVICE()                                            \
  if (const std::string why = ::primal::testing::absent_device(); !why.empty()) \
  GTEST_SKIP() << "needs a GPU: " << why

}  // namespace primal::testing
