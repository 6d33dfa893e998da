// A side stream of a device, on the fake CUDA runtime: what waits for what, and what does not.
#include "tensor/side_stream.h"

#include <gtest/gtest.h>
#include <vector>

#include "support/fake_cuda/fake_runtime.h"
#include "support/temporary_folder.h"
#include "tensor/backend.h"
#include "tensor/cuda/cuda_backend.h"
#include "tensor/cuda/cuda_check.h"
#include "tensor/error.h"
#include "tensor/tensor.h"

namespace primal {
namespace {

using testing::message_of;

// Not those of cuda_host_test.cpp, which may be broken.
Device new_device() {
  static int next = fake_cuda::kDevices;
  return Device::cuda(--next);
}

cudaStream_t queue_of(const SideStream& side) { return static_cast<cudaStream_t>(side.handle()); }

Tensor full(double value, Device device) {
  return Tensor::from(Shape{4}, std::vector<float>(4, static_cast<float>(value))).to(device);
}
std::vector<double> all(double value) { return std::vector<double>(4, value); }

void copy(const Tensor& from, const Tensor& to) {
  backend(to.device()).copy(to.device_raw(), from.device_raw(), from.bytes());
}

TEST(SideStream, TakesTheWorkOfItsScopeAndLeavesItToTheDeviceAfterwards) {
  const Device device = new_device();
  const std::unique_ptr<SideStream> side = make_side_stream(device);
  const Tensor x = full(1.0, device), y = full(2.0, device);
  backend(device).synchronize();
  {
    const SideStream::Use use(*side);
    EXPECT_EQ(cuda::stream_of(device), queue_of(*side));
    copy(x, y);
  }
  EXPECT_EQ(fake_cuda::n_pending(queue_of(*side)), 1);
  EXPECT_EQ(y.to_doubles(), all(2.0)) << "the device does not wait for it";
  EXPECT_EQ(fake_cuda::n_pending(queue_of(*side)), 1);
  side->mark(0);
  EXPECT_TRUE(side->reached(0));
  EXPECT_EQ(y.to_doubles(), all(1.0));
}

TEST(SideStream, WaitsForWhatTheDeviceGotBefore) {
  const Device device = new_device();
  const std::unique_ptr<SideStream> side = make_side_stream(device);
  const Tensor x = full(1.0, device), y = full(2.0, device);
  const Tensor z = Tensor::empty({4}, DType::f32, device);
  copy(x, y);  // queued on the device
  side->wait_for_device();
  {
    const SideStream::Use use(*side);
    copy(y, z);
  }
  side->mark(3);
  EXPECT_TRUE(side->reached(3));
  EXPECT_EQ(z.to_doubles(), all(1.0));
}

TEST(SideStream, TheDeviceWaitsForAMarkIfItIsAskedTo) {
  const Device device = new_device();
  const std::unique_ptr<SideStream> side = make_side_stream(device);
  const Tensor x = full(1.0, device), y = full(2.0, device);
  side->wait_for_device();
  {
    const SideStream::Use use(*side);
    copy(x, y);
  }
  side->mark(1);
  side->let_device_wait(1);
  side->let_device_wait(7);  // never made
  EXPECT_EQ(y.to_doubles(), all(1.0));
}

TEST(SideStream, TellsHowFarItIs) {
  const Device device = new_device();
  const std::unique_ptr<SideStream> side = make_side_stream(device);
  EXPECT_TRUE(side->reached(0)) << "never made";
  bool may_end = false;
  fake_cuda::launch(queue_of(*side), [&] { return may_end ? cudaSuccess : cudaErrorNotReady; });
  side->mark(0);
  EXPECT_FALSE(side->reached(0));
  EXPECT_EQ(cudaGetLastError(), cudaSuccess) << "to wait is no error of the next call";
  EXPECT_EQ(full(3.0, device).to_doubles(), all(3.0)) << "the device goes on";
  may_end = true;
  EXPECT_TRUE(side->reached(0));
  fake_cuda::launch(queue_of(*side), [] { return cudaErrorIllegalAddress; });
  side->mark(0);
  EXPECT_NE(message_of<DeviceError>([&] { side->reached(0); }).find("could not look at a stream"),
            std::string::npos);
}

TEST(SideStream, GivesBackItsEventsAndRefusedOnesAreErrors) {
  const Device device = new_device();
  const Tensor x = full(1.0, device);
  const int before = fake_cuda::n_events();
  {
    const std::unique_ptr<SideStream> side = make_side_stream(device);
    for (int again = 0; again < 3; ++again) {
      for (const size_t number : {0U, 4U}) side->mark(number);
    }
    EXPECT_EQ(fake_cuda::n_events(), before + 3);
  }
  EXPECT_EQ(fake_cuda::n_events(), before);
  for (const char* call : {"cudaStreamCreateWithFlags", "cudaEventCreateWithFlags"}) {
    fake_cuda::fail(call, cudaErrorMemoryAllocation);
    EXPECT_THROW(make_side_stream(device), DeviceError) << call;
  }
  EXPECT_EQ(fake_cuda::n_events(), before);
}

TEST(SideStream, OfTheCpuAndTheEmulationIsTheirOwn) {
  for (const Device device : {Device{}, Device::simt()}) {
    const std::unique_ptr<SideStream> side = make_side_stream(device);
    const SideStream::Use use(*side);
    side->wait_for_device();
    side->mark(0);
    side->let_device_wait(0);
    EXPECT_TRUE(side->reached(0));
    EXPECT_EQ(side->handle(), nullptr);
  }
}

TEST(CudaHost, NamesThePlaceOfADevice) { EXPECT_EQ(cuda::bus_id(11), "0000:0B:00.0"); }

}  // namespace
}  // namespace primal
