// Graphs of the emulated device: what is recorded, what a replay does, and what is refused.
#include "tensor/device_graph.h"

#include <array>
#include <cstring>
#include <functional>
#include <gtest/gtest.h>
#include <vector>

#include "support/temporary_folder.h"
#include "tensor/backend.h"
#include "tensor/error.h"
#include "tensor/scratch.h"
#include "tensor/simt/simt.h"
#include "tensor/simt/simt_graph.h"
#include "tensor/tensor.h"
#include "tests/tensor/simt_kernels.h"

namespace primal {
namespace {

using testing::message_of;

Tensor on_simt(const std::vector<float>& values) {
  return Tensor::from(Shape{std::ssize(values)}, values).to(Device::simt());
}
void axpy(float a, const Tensor& x, const Tensor& y) {
  simt::axpy(a, x.device_span<const float>(), y.device_span<float>());
}

std::unique_ptr<DeviceGraph> recorded(const std::shared_ptr<GraphMemory>& memory,
                                      const std::function<void()>& step) {
  Capture capture(Device::simt(), memory);
  step();
  return capture.finish();
}
std::unique_ptr<DeviceGraph> recorded(const std::function<void()>& step) {
  return recorded(make_graph_memory(Device::simt()), step);
}

TEST(DeviceGraph, RecordsWithoutRunningAndReplaysWithWhatIsThereThen) {
  const Tensor x = on_simt({1, 2, 3, 4}), y = on_simt({0, 0, 0, 0});
  const auto graph = recorded([&] { axpy(2.0F, x, y); });
  EXPECT_EQ(graph->operations(), std::vector<std::string>{"axpy"});
  EXPECT_EQ(y.to_doubles(), (std::vector<double>{0, 0, 0, 0}));
  graph->replay();
  EXPECT_EQ(y.to_doubles(), (std::vector<double>{2, 4, 6, 8}));
  x.copy_from(Tensor::from(Shape{4}, std::vector<float>{1, 1, 1, 1}));
  graph->replay();
  EXPECT_EQ(y.to_doubles(), (std::vector<double>{4, 6, 8, 10}));
}

TEST(DeviceGraph, KeepsCopiesAndFillsAndTheMemoryBetweenThem) {
  const Tensor x = on_simt({1, 2, 3, 4}), y = on_simt({0, 0, 0, 0});
  const auto memory = make_graph_memory(Device::simt());
  const auto graph = recorded(memory, [&] {
    const Tensor sum = x.clone();  // dies with the recording; its address stays the graph's
    axpy(3.0F, x, sum);
    y.fill(0.0);
    axpy(1.0F, sum, y);
  });
  EXPECT_EQ(graph->operations(), (std::vector<std::string>{"copy", "axpy", "zero", "axpy"}));
  EXPECT_EQ(memory->stats().live_bytes, 0u);
  const Tensor other = on_simt({9, 9, 9, 9});  // what others allocate does not lie there
  for (int i = 0; i < 2; ++i) {
    graph->replay();
    EXPECT_EQ(y.to_doubles(), (std::vector<double>{4, 8, 12, 16}));
  }
  EXPECT_EQ(other.to_doubles(), (std::vector<double>{9, 9, 9, 9}));
}

TEST(DeviceGraph, GraphsShareTheirMemory) {
  const Tensor x = on_simt({1, 2, 3, 4}), y = on_simt({0, 0, 0, 0});
  const auto memory = make_graph_memory(Device::simt());
  const auto step = [&] { axpy(1.0F, x.clone(), y); };
  const auto first = recorded(memory, step), second = recorded(memory, step);
  EXPECT_EQ(memory->stats().system_allocations, 1u);
  first->replay();
  second->replay();
  EXPECT_EQ(y.to_doubles(), (std::vector<double>{2, 4, 6, 8}));
}

TEST(DeviceGraph, RefusesWhatNeedsTheHostAndNamesIt) {
  const Tensor x = on_simt({1, 2}), y = on_simt({1, 2});
  const auto refused = [&](const std::function<void()>& call) {
    return message_of<DeviceError>([&] {
      recorded([&] {
        axpy(1.0F, x, y);
        call();
      });
    });
  };
  EXPECT_EQ(refused([&] { (void)y.to_doubles(); }),
            "[graph] the step to be recorded copies to the host (8 bytes), which the device cannot repeat "
            "by itself: after axpy");
  EXPECT_NE(refused([&] { y.fill(2.0); }).find("copies from the host (8 bytes)"), std::string::npos);
  EXPECT_NE(refused([] { backend(Device::simt()).synchronize(); }).find("waits for the device"),
            std::string::npos);
  const auto other = recorded([&] { axpy(1.0F, x, y); });
  EXPECT_NE(refused([&] { other->replay(); }).find("runs another recorded step"), std::string::npos);
  // After an error nothing is recorded any more.
  EXPECT_EQ(y.to_doubles(), (std::vector<double>{1, 2}));
}

#if __has_builtin(__builtin_clear_padding)
TEST(DeviceGraph, WhatLiesBetweenTheMembersOfAParameterIsNoAddress) {
  struct Flags {
    bool add, has_bias;  // and six bytes, in which the stack may have left a part of an address
    int64_t n;
  } flags;
  std::memset(static_cast<void*>(&flags), 0x7f, sizeof flags);
  flags.add = flags.has_bias = true;
  flags.n = 3;
  simt::clear_padding(flags);
  std::array<unsigned char, sizeof flags> bytes;
  std::memcpy(bytes.data(), &flags, sizeof flags);
  EXPECT_EQ(bytes, (std::array<unsigned char, sizeof flags>{1, 1, 0, 0, 0, 0, 0, 0, 3}));
}
#endif

TEST(DeviceGraph, RefusesAddressesThatWillNotBeThere) {
  const Tensor x = on_simt({1, 2});
  std::vector<float> host{1, 2};
  EXPECT_NE(message_of<DeviceError>([&] {
              recorded([&] { simt::axpy(1.0F, x.device_span<const float>(), host); });
            }).find("argument 2 of axpy is an address of the host, or of a block of memory that was given"),
            std::string::npos);
  EXPECT_NE(message_of<DeviceError>([&] {
              recorded([&] {
                const std::span<float> gone = x.clone().device_span<float>();
                simt::axpy(1.0F, x.device_span<const float>(), gone);
              });
            }).find("argument 2 of axpy is in a block of memory that was given back"),
            std::string::npos);
  Tensor inner;
  const auto graph = recorded([&] { inner = x.clone(); });
  EXPECT_NE(message_of<DeviceError>([&] {
              recorded([&] { axpy(1.0F, x, inner); });
            }).find("argument 2 of axpy is in the memory of another graph"),
            std::string::npos);
}

TEST(DeviceGraph, AReplayRefusesWhereABlockFromOutsideIsGone) {
  const Tensor y = on_simt({0, 0});
  Tensor x = on_simt({1, 2});
  const auto graph = recorded([&] { axpy(1.0F, x, y); });
  graph->replay();
  x = {};
  const Tensor in_its_place = on_simt({5, 5});  // perhaps at the same address: still another block
  EXPECT_NE(
      message_of<DeviceError>([&] { graph->replay(); }).find("axpy uses a block of memory that was given"),
      std::string::npos);
  EXPECT_EQ(y.to_doubles(), (std::vector<double>{1, 2}));
}

TEST(DeviceGraph, EachReplayFindsItsMemoryUnwritten) {
  const Tensor x = on_simt({1, 2}), y = on_simt({0, 0});
  const auto graph = recorded([&] {
    const Tensor never_written = Tensor::empty({2}, DType::f32, Device::simt());
    axpy(1.0F, never_written, y);
    axpy(1.0F, x, never_written);
  });
  for (int i = 0; i < 2; ++i) EXPECT_THROW(graph->replay(), CheckFailed);
}

TEST(DeviceGraph, OneCaptureAtATimeAndNoneOnTheCpu) {
  const auto memory = make_graph_memory(Device::simt());
  const Capture one(Device::simt(), memory);
  EXPECT_NE(
      message_of<DeviceError>([&] { const Capture two(Device::simt(), memory); }).find("recording already"),
      std::string::npos);
  EXPECT_NE(message_of<DeviceError>([] { make_graph_memory(Device{}); }).find("the CPU has no graphs"),
            std::string::npos);
}

TEST(OperationCount, NamesWhatAStepAsksOfTheDeviceAndSkipsItsKernels) {
  const Tensor x = on_simt({1, 2}), y = on_simt({3, 4});
  {
    simt::OperationCount count;
    axpy(1.0F, x, y);
    const Tensor z = y.clone();
    z.fill(0.0);
    (void)z.to_doubles();
    EXPECT_EQ(count.operations(), (std::vector<std::string>{"axpy", "copy", "zero", "to_host"}));
    count.clear();
    EXPECT_TRUE(count.operations().empty());
    EXPECT_THROW(simt::OperationCount(), DeviceError);
  }
  EXPECT_EQ(y.to_doubles(), (std::vector<double>{3, 4}));
}

}  // namespace
}  // namespace primal
