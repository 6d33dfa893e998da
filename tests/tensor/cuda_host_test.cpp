// The host code of CUDA devices (tensor/cuda) on a fake runtime: memory, copies, clocks, graphs, and what
// happens when calls fail. No GPU and no CUDA toolkit is needed.
#include <gtest/gtest.h>
#include <numeric>
#include <vector>

#include "support/fake_cuda/fake_runtime.h"
#include "support/temporary_folder.h"
#include "tensor/backend.h"
#include "tensor/cuda/cuda_check.h"
#include "tensor/cuda/launch_error.h"
#include "tensor/device_graph.h"
#include "tensor/error.h"
#include "tensor/tensor.h"

namespace primal {
namespace {

using testing::message_of;

// Each test has a device of its own.
Device new_device() {
  static int next = 0;
  return Device::cuda(next++);
}

Tensor counted(int64_t n, float first = 0.0F) {
  std::vector<float> values(static_cast<size_t>(n));
  std::iota(values.begin(), values.end(), first);
  return Tensor::from(Shape{n}, values);
}

// y += x by a kernel of the fake runtime, launched as launch() of simt_cuda.h does it.
void add(const Tensor& x, const Tensor& y) {
  const std::span<const float> from = x.device_span<const float>();
  const std::span<float> to = y.device_span<float>();
  fake_cuda::launch(cuda::stream_of(x.device()), [from, to] {
    for (size_t i = 0; i < to.size(); ++i) to[i] += from[i];
    return cudaSuccess;
  });
  cuda::note_launch("add", x.device());
}

TEST(CudaHost, ListsTheDevices) {
  EXPECT_EQ(cuda_status().driver, "13.1");
  EXPECT_EQ(Device::parse("cuda:3"), Device::cuda(3));
  EXPECT_NE(message_of<DeviceError>([] { Device::parse("cuda:99"); }).find("16 CUDA devices: 0 to 15"),
            std::string::npos);
  const DeviceInfo info = devices().at(2);
  EXPECT_EQ(info.name, "a fake device");
  EXPECT_EQ(info.architecture, "sm_90");
}

TEST(CudaHost, AnUploadHasWhatWasThereWhenItWasAskedFor) {
  const Device device = new_device();
  const Tensor x = counted(1000);
  const Tensor there = x.to(device);
  EXPECT_GT(fake_cuda::n_pending(cuda::stream_of(device)), 0);  // it runs later
  x.fill(7.0);
  const Tensor copy = there.clone();
  there.fill(0.0);
  EXPECT_EQ(copy.to_doubles(), counted(1000).to_doubles());
  EXPECT_EQ(there.to_doubles(), std::vector<double>(1000, 0.0));
}

TEST(CudaHost, UploadsLargerThanTheStagingMemoryStayInOrder) {
  const Device device = new_device();
  std::vector<Tensor> there;
  for (int i = 0; i < 5; ++i) {  // 12 MB each, in blocks of 16 MB
    const Tensor x = counted(3 << 20, static_cast<float>(i));
    there.push_back(x.to(device));
    x.fill(-1.0);
  }
  for (int i = 0; i < 5; ++i) {
    const Tensor back = there[static_cast<size_t>(i)].to(Device{});
    const Tensor expected = counted(3 << 20, static_cast<float>(i));
    EXPECT_TRUE(std::ranges::equal(back.span<const float>(), expected.span<const float>())) << i;
  }
}

TEST(CudaHost, RefusedPinnedMemoryIsAnErrorAndNothingLeaks) {
  const Device device = new_device();
  const Tensor there = Tensor::zeros({4}, DType::f32, device);
  fake_cuda::fail("cudaMallocHost", cudaErrorMemoryAllocation);
  fake_cuda::fail("cudaMallocHost", cudaErrorMemoryAllocation, 0);
  const int before = fake_cuda::n_events();
  for (int i = 0; i < 2; ++i)
    EXPECT_NE(message_of<DeviceError>([&] {
                there.copy_from(counted(4));
              }).find("could not allocate pinned memory"),
              std::string::npos);
  EXPECT_EQ(fake_cuda::n_events(), before + 1);  // the event waits for the next try
  there.copy_from(counted(4));
  EXPECT_EQ(there.to_doubles(), counted(4).to_doubles());
  EXPECT_EQ(fake_cuda::n_events(), before + 1);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST(CudaHost, MemoryThatIsRefusedIsAskedForOnceMoreWithoutTheCachedBlocks) {
  const Device device = new_device();
  MemoryPool& pool = *backend(device).pool();
  Tensor::empty({1 << 20}, DType::f32, device);  // cached now
  const size_t cached = pool.stats().reserved_bytes;
  EXPECT_GE(cached, size_t{4} << 20);
  fake_cuda::fail("cudaMalloc", cudaErrorMemoryAllocation);
  const Tensor large = Tensor::empty({1 << 23}, DType::f32, device);
  EXPECT_EQ(pool.stats().reserved_bytes, pool.stats().live_bytes);  // the cached block was given back
  fake_cuda::fail("cudaMalloc", cudaErrorMemoryAllocation);
  fake_cuda::fail("cudaMalloc", cudaErrorMemoryAllocation);
  const std::string text = message_of<DeviceError>([&] { Tensor::empty({1 << 24}, DType::f32, device); });
  EXPECT_NE(text.find("[memory] " + device.str() + " refused 67.1 MB; 33.6 MB are in use here"),
            std::string::npos)
      << text;
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  Tensor::zeros({10}, DType::f32, device);  // and it goes on
}

TEST(CudaHost, AFaultOfAKernelNamesWhatWasLaunchedAndStays) {
  const Device device = new_device();
  const Tensor x = counted(4).to(device), y = counted(4).to(device);
  add(x, y);
  EXPECT_EQ(y.to_doubles(), (std::vector<double>{0, 2, 4, 6}));
  fake_cuda::launch(cuda::stream_of(device), [] { return cudaErrorIllegalAddress; });
  cuda::note_launch("guilty", device);
  add(x, y);
  const std::string text = message_of<DeviceError>([&] { y.to_doubles(); });
  EXPECT_NE(text.find("could not copy from the device"), std::string::npos) << text;
  EXPECT_NE(text.find("(cudaErrorIllegalAddress); launched since the host last waited: guilty, add"),
            std::string::npos)
      << text;
  EXPECT_THROW(Tensor::zeros({10}, DType::f32, device), DeviceError);
  EXPECT_NO_THROW(Tensor::zeros({10}, DType::f32, new_device()));  // the others are whole
}

TEST(CudaHost, ACopyOutsideOfItsBlockIsFound) {
  const Device device = new_device();
  const Tensor x = Tensor::zeros({4}, DType::f32, device);
  backend(device).copy(x.device_raw(), counted(4).raw(), 16);  // a source on the host
  EXPECT_NE(message_of<DeviceError>([&] { backend(device).synchronize(); }).find("cudaErrorIllegalAddress"),
            std::string::npos);
}

TEST(CudaHost, AClockTellsTheDevicesTimeAndUsesEventsAgain) {
  const Device device = new_device();
  const Tensor x = counted(4).to(device), y = counted(4).to(device);
  int n_events = 0;
  for (int round = 0; round < 2; ++round) {
    const std::unique_ptr<DeviceClock> clock = backend(device).clock();
    clock->mark();
    add(x, y);
    clock->mark();
    add(x, y), add(x, y);
    clock->mark();
    const std::vector<double> times = clock->times_us();
    EXPECT_NEAR(times[1], 2.0, 1e-3);  // the kernel and the mark, a microsecond each
    EXPECT_NEAR(times[2], 5.0, 1e-3);
    EXPECT_TRUE(round == 0 || fake_cuda::n_events() == n_events);
    n_events = fake_cuda::n_events();
  }
  const std::unique_ptr<DeviceClock> clock = backend(device).clock();
  clock->mark();
  fake_cuda::fail("cudaEventRecord", cudaErrorLaunchFailure);
  clock->mark();
  clock->mark();
  EXPECT_NE(message_of<DeviceError>([&] { clock->times_us(); }).find("could not record an event"),
            std::string::npos);
}

// y += 2 x through a tensor that only the step has.
void step(const Tensor& x, const Tensor& y) {
  const Tensor twice = x.clone();
  add(x, twice);
  add(twice, y);
}

TEST(CudaGraph, RecordsWithoutRunningAndReplays) {
  const Device device = new_device();
  const Tensor x = counted(4, 1.0F).to(device), y = Tensor::zeros({4}, DType::f32, device);
  const auto memory = make_graph_memory(device);
  std::unique_ptr<DeviceGraph> graph;
  {
    Capture capture(device, memory);
    step(x, y);
    graph = capture.finish();
  }
  EXPECT_EQ(graph->operations(), (std::vector<std::string>{"copy", "add", "add"}));
  EXPECT_EQ(graph->n_nodes(), 3u);
  EXPECT_EQ(memory->stats().live_bytes, 0u);
  EXPECT_GT(memory->stats().reserved_bytes, 0u);
  EXPECT_EQ(y.to_doubles(), std::vector<double>(4, 0.0));
  // What others allocate does not lie in the memory of the graph.
  std::vector<Tensor> others;
  for (int i = 0; i < 8; ++i) others.push_back(counted(4, 100.0F).to(device));
  graph->replay();
  x.copy_from(counted(4, 2.0F));
  graph->replay();
  EXPECT_EQ(y.to_doubles(), (std::vector<double>{6, 10, 14, 18}));
  for (const Tensor& other : others) EXPECT_EQ(other.to_doubles(), counted(4, 100.0F).to_doubles());
  const int before = fake_cuda::n_graphs();
  graph->replay();
  graph.reset();  // with work under way
  EXPECT_EQ(fake_cuda::n_graphs(), before - 2);
  EXPECT_EQ(y.to_doubles(), (std::vector<double>{10, 16, 22, 28}));
}

TEST(CudaGraph, GivesItsMemoryBack) {
  const Device device = new_device();
  const Tensor x = counted(1000).to(device), y = counted(1000).to(device);
  const size_t before = fake_cuda::device_bytes();
  {
    const auto memory = make_graph_memory(device);
    Capture capture(device, memory);
    step(x, y);
    const auto graph = capture.finish();
    EXPECT_GT(fake_cuda::device_bytes(), before);
  }
  EXPECT_EQ(fake_cuda::device_bytes(), before);
}

TEST(CudaGraph, WhatNeedsTheHostEndsTheCaptureWithAnError) {
  const Device device = new_device();
  const Tensor x = counted(4).to(device), y = counted(4).to(device);
  const auto memory = make_graph_memory(device);
  const int n_graphs = fake_cuda::n_graphs();
  const auto refused = [&](const std::function<void()>& call) {
    return message_of<DeviceError>([&] {
      Capture capture(device, memory);
      step(x, y);
      call();
    });
  };
  EXPECT_EQ(refused([&] { y.to_doubles(); }),
            "[graph] the step to be recorded copies to the host (16 bytes), which the device cannot repeat "
            "by itself: after add");
  EXPECT_NE(refused([&] { y.fill(2.0); }).find("copies from the host (16 bytes)"), std::string::npos);
  EXPECT_NE(refused([&] { backend(device).synchronize(); }).find("waits for the device"), std::string::npos);
  EXPECT_NE(refused([&] { backend(device).clock(); }).find("marks times for the host"), std::string::npos);
  const std::unique_ptr<DeviceClock> clock = backend(device).clock();
  EXPECT_EQ(refused([&] { clock->mark(); }), "");  // reported by the clock, which a profile asks
  EXPECT_NE(message_of<DeviceError>([&] { clock->times_us(); }).find("marks times for the host"),
            std::string::npos);
  EXPECT_FALSE(fake_cuda::is_capturing(cuda::stream_of(device)));
  EXPECT_EQ(fake_cuda::n_graphs(), n_graphs);
  step(x, y);  // the device goes on as before
  EXPECT_EQ(y.to_doubles(), (std::vector<double>{0, 3, 6, 9}));
}

TEST(CudaGraph, EachCallThatFailsIsAnErrorAndLeavesTheDeviceUsable) {
  const Device device = new_device();
  const Tensor x = counted(4).to(device), y = Tensor::zeros({4}, DType::f32, device);
  const auto memory = make_graph_memory(device);
  const int n_graphs = fake_cuda::n_graphs();
  const auto failed = [&](const char* call, cudaError_t error) {
    fake_cuda::fail(call, error);
    return message_of<DeviceError>([&] {
      Capture capture(device, memory);
      step(x, y);
      capture.finish()->replay();
    });
  };
  for (const auto& [call, text] : std::vector<std::pair<const char*, const char*>>{
           {"cudaStreamBeginCapture", "could not begin a capture"},
           {"cudaMemcpyAsync", "could not copy within the device"},
           {"cudaStreamEndCapture", "could not end a capture"},
           {"cudaGraphGetNodes", "could not count the nodes of a graph"},
           {"cudaGraphInstantiate", "could not instantiate a graph"},
           {"cudaGraphLaunch", "could not launch a graph"}}) {
    const std::string message = failed(call, cudaErrorStreamCaptureUnsupported);
    EXPECT_NE(message.find(text), std::string::npos) << call << ": " << message;
    EXPECT_FALSE(fake_cuda::is_capturing(cuda::stream_of(device))) << call;
    EXPECT_EQ(fake_cuda::n_graphs(), n_graphs) << call;
    EXPECT_EQ(cudaGetLastError(), cudaSuccess) << call;
    EXPECT_EQ(memory->stats().live_bytes, 0u) << call;
    EXPECT_EQ(y.to_doubles(), std::vector<double>(4, 0.0)) << call;
  }
  // Memory that is refused during a capture is an error as well; it was asked for without disturbing the
  // capture.
  fake_cuda::fail("cudaMalloc", cudaErrorMemoryAllocation);
  fake_cuda::fail("cudaMalloc", cudaErrorMemoryAllocation);
  EXPECT_NE(message_of<DeviceError>([&] {
              Capture capture(device, memory);
              Tensor::empty({1 << 22}, DType::f32, device);
            }).find("[memory] " + device.str() + " refused"),
            std::string::npos);
  step(x, y);
  EXPECT_EQ(y.to_doubles(), (std::vector<double>{0, 2, 4, 6}));
}

}  // namespace
}  // namespace primal
