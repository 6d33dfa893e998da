#include "tensor/tensor.h"

#include <cstdint>
#include <cstdlib>
#include <gtest/gtest.h>
#include <memory>
#include <vector>

#include "tensor/error.h"
#include "tensor/lent.h"
#include "tensor/memory_pool.h"

namespace primal {
namespace {

TEST(Shape, CountsPrintsAndCompares) {
  const Shape s{2, 3, 4};
  EXPECT_EQ(s.numel(), 24);
  EXPECT_EQ(s.str(), "[2,3,4]");
  EXPECT_EQ(s[-1], 4);
  EXPECT_EQ(s.with(1, 5), (Shape{2, 5, 4}));
  EXPECT_EQ(Shape{}.numel(), 1);
  EXPECT_EQ((Shape{0, 7}).numel(), 0);
  EXPECT_FALSE((Shape{2, 3}) == (Shape{2, 3, 1}));
}

TEST(Shape, RefusesNonsense) {
  EXPECT_THROW((Shape{-1}), ShapeError);
  EXPECT_THROW((Shape{1, 1, 1, 1, 1, 1, 1}), ShapeError);
  EXPECT_THROW((Shape{int64_t{1} << 40, int64_t{1} << 40}), ShapeError);
  EXPECT_THROW((Shape{2})[1], ShapeError);
}

TEST(Tensor, ReshapeAndSliceShareTheElements) {
  const Tensor t = Tensor::from(Shape{2, 3}, std::vector<float>{0, 1, 2, 3, 4, 5});
  const Tensor row = t.slice(1, 2);
  EXPECT_EQ(row.shape(), (Shape{1, 3}));
  row.data<float>()[0] = 30;
  EXPECT_EQ(t.reshape({6}).data<float>()[3], 30.0f);
  EXPECT_EQ(t.slice(2, 2).numel(), 0);
}

TEST(Tensor, LentMemoryIsReadWhereItLiesAndGivenBackWithTheLastHandle) {
  std::vector<float> owned{0, 1, 2, 3, 4, 5};
  int given_back = 0;
  const size_t live = host_pool().stats().live_bytes;
  {
    Tensor row;
    {
      const Tensor t = lent_tensor({owned.data(), [&](float*) { ++given_back; }}, {2, 3}, DType::f32);
      EXPECT_EQ(t.data<float>(), owned.data());
      row = t.slice(1, 2);
    }
    owned[4] = 40;
    EXPECT_EQ(row.to_doubles(), (std::vector<double>{3, 40, 5}));
    EXPECT_EQ(given_back, 0);
    EXPECT_EQ(host_pool().stats().live_bytes, live);
    // Only that tensor is lent memory; the next one has its own.
    EXPECT_NE(Tensor::zeros({2, 3}).data<float>(), owned.data());
  }
  EXPECT_EQ(given_back, 1);
  EXPECT_EQ(owned, (std::vector<float>{0, 1, 2, 3, 40, 5}));
}

TEST(Tensor, LentMemoryThatCannotBeIsRefused) {
  std::vector<double> owned(3);
  const std::shared_ptr<void> crooked(reinterpret_cast<char*>(owned.data()) + 1, [](void*) {});
  EXPECT_THROW(lent_tensor(crooked, {2}, DType::f64), ShapeError);
  EXPECT_THROW(lent_tensor(nullptr, {2}, DType::f64), ShapeError);
  EXPECT_EQ(lent_tensor(nullptr, {0}, DType::f64).numel(), 0);
  EXPECT_EQ(Tensor::zeros({2}).to_doubles(), (std::vector<double>{0, 0}));  // nothing is left lent
}

TEST(Tensor, CloneAndConversionAreCopies) {
  const Tensor t = Tensor::full({2}, 1.5);
  const Tensor copy = t.clone(), wide = t.to(DType::f64);
  t.fill(0.0);
  EXPECT_EQ(copy.to_doubles(), (std::vector<double>{1.5, 1.5}));
  EXPECT_EQ(wide.to_doubles(), (std::vector<double>{1.5, 1.5}));
}

TEST(Tensor, ViewsIndexRowMajor) {
  const Tensor t = Tensor::from(Shape{1, 2, 1, 2, 2}, std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7});
  const View5<const float> v = t.view5<const float>();
  EXPECT_EQ(v(0, 1, 0, 1, 0), 6.0f);
  EXPECT_EQ(v.offset(0, 1, 0, 0, 1), 5);
}

TEST(Tensor, SaysWhatIsWrong) {
  const Tensor t = Tensor::zeros({2, 3});
  EXPECT_THROW(t.data<double>(), ShapeError);
  EXPECT_THROW(t.reshape({5}), ShapeError);
  EXPECT_THROW(t.slice(1, 3), ShapeError);
  EXPECT_THROW(t.item(), ShapeError);
  EXPECT_THROW(t.view5<float>(), ShapeError);
  EXPECT_THROW(t.copy_from(Tensor::zeros({3, 2})), ShapeError);
  EXPECT_THROW(Tensor().data<float>(), ShapeError);
  EXPECT_THROW(Tensor::from(Shape{3}, std::vector<float>{1, 2}), ShapeError);
}

TEST(MemoryPool, HandsTheSameBlockOutAgain) {
  MemoryPool pool;
  void* first = pool.allocate(1000).get();
  const std::shared_ptr<void> second = pool.allocate(1010);  // the same size class
  EXPECT_EQ(second.get(), first);
  EXPECT_EQ(pool.stats().system_allocations, 1u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(second.get()) % MemoryPool::kAlignment, 0u);
}

TEST(MemoryPool, ABlockOfUpToTwiceTheSizeServesWhereNoneFitsBetter) {
  MemoryPool pool;
  void* large = pool.allocate(4096).get();
  EXPECT_NE(pool.allocate(1024).get(), large);  // four times as large
  EXPECT_EQ(pool.stats().system_allocations, 2u);
  {
    const std::shared_ptr<void> served = pool.allocate(2048);
    EXPECT_EQ(served.get(), large);
    EXPECT_EQ(pool.stats().live_bytes, 2048u);  // as asked
  }
  EXPECT_EQ(pool.allocate(4096).get(), large);  // still as large as it was
  EXPECT_EQ(pool.stats().system_allocations, 2u);
  EXPECT_EQ(pool.stats().reserved_bytes, 4096u + 1024u);
}

TEST(MemoryPool, KeepsCountOfLiveAndPeakBytes) {
  MemoryPool pool;
  const size_t bytes = MemoryPool::size_class(5000);
  {
    const auto a = pool.allocate(5000), b = pool.allocate(5000);
    EXPECT_EQ(pool.stats().live_bytes, 2 * bytes);
  }
  EXPECT_EQ(pool.stats().live_bytes, 0u);
  EXPECT_EQ(pool.stats().peak_bytes, 2 * bytes);
  EXPECT_EQ(pool.stats().reserved_bytes, 2 * bytes);
  pool.release_cached();
  EXPECT_EQ(pool.stats().reserved_bytes, 0u);
}

TEST(MemoryPool, GivesBackWhatNobodyHoldsBeforeItGrowsBeyondItsLimit) {
  MemoryPool pool;
  const auto held = pool.allocate(64 << 10);
  { const auto a = pool.allocate(256 << 10), b = pool.allocate(128 << 10); }
  {
    const PoolLimit limit(pool, 512 << 10);
    const auto c = pool.allocate(288 << 10);  // 736 KiB without the limit
    EXPECT_EQ(pool.stats().reserved_bytes, size_t{(64 + 128 + 288) << 10});
    const auto more = pool.allocate(1 << 20);  // what is held may be more
    EXPECT_EQ(pool.stats().reserved_bytes, size_t{(64 + 288 + 1024) << 10});
  }
  {
    const auto c = pool.allocate(288 << 10), more = pool.allocate(1 << 20), d = pool.allocate(96 << 10);
    EXPECT_EQ(pool.stats().reserved_bytes, size_t{(64 + 288 + 1024 + 96) << 10});
  }
}

TEST(MemoryPool, WastesAtMostAnEighth) {
  for (const unsigned bytes : {1u, 64u, 65u, 513u, 1025u, 100000u, 16777217u}) {
    const size_t rounded = MemoryPool::size_class(bytes);
    EXPECT_GE(rounded, bytes);
    EXPECT_EQ(rounded % MemoryPool::kAlignment, 0u);
    EXPECT_LE(static_cast<double>(rounded), std::max(1.125 * bytes, bytes + 64.0)) << bytes;
  }
}

TEST(MemoryPool, SaysWhatWasRefusedInAUnitThatShowsIt) {
  size_t left = 600000;
  MemoryPool pool({.of = "cuda:0",
                   .allocate = [&](size_t bytes) -> void* {
                     if (bytes > left) return nullptr;
                     left -= bytes;
                     return std::malloc(bytes);
                   },
                   .free = [](void* block) { std::free(block); }});
  const auto refusal = [&](size_t bytes) -> std::string {
    try {
      pool.allocate(bytes);
      return "nothing";
    } catch (const DeviceError& error) {
      return error.what();
    }
  };
  EXPECT_EQ(refusal(8000000).find("[memory] cuda:0 refused 8.4 MB; 0 bytes are in use here"), 0u);
  const std::shared_ptr<void> most = pool.allocate(589824);
  EXPECT_EQ(refusal(40000).find("[memory] cuda:0 refused 41.0 kB; 589.8 kB are in use here"), 0u);
  left = 0;
  EXPECT_EQ(refusal(64).find("[memory] cuda:0 refused 64 bytes; 589.8 kB are in use here"), 0u);
}

TEST(MemoryPool, BlocksMayOutliveThePool) {
  std::shared_ptr<void> block;
  {
    MemoryPool pool;
    block = pool.allocate(100);
  }
  *static_cast<char*>(block.get()) = 1;  // AddressSanitizer watches
}

std::string device_error(const std::string& text) {
  try {
    Device::parse(text);
    return "";
  } catch (const DeviceError& error) {
    return error.what();
  }
}

TEST(Device, NamesAreReadBack) {
  EXPECT_EQ(Device::parse("cpu"), Device{});
  EXPECT_EQ(Device::parse("simt"), Device::simt());
  EXPECT_EQ(Device::cuda(2).str(), "cuda:2");
  for (const char* text : {"gpu", "auto", "cuda:", "cuda:x", "cuda:1x", "cuda:-1", ""})
    EXPECT_NE(device_error(text).find("is not a device"), std::string::npos) << text;
}

TEST(Device, ACudaDeviceThatIsNotThereSaysWhy) {
  const std::string absent = cuda_status().absent;
  if (absent.empty()) {
    EXPECT_NE(device_error("cuda:1000").find("this machine has"), std::string::npos);
  } else {
    EXPECT_NE(device_error("cuda").find(absent), std::string::npos);
    EXPECT_EQ(choose_device().device, Device{});
    EXPECT_THROW(Tensor::zeros({1}, DType::f32, Device::cuda()), DeviceError);
  }
}

TEST(Device, TensorsMoveThereAndBack) {
  const Tensor here = Tensor::from<float>({2, 2}, std::vector<float>{1, 2, 3, 4});
  const Tensor there = here.to(Device::simt());
  EXPECT_EQ(there.device(), Device::simt());
  EXPECT_EQ(there.str(), "f32[2,2] on simt");
  EXPECT_EQ(there.slice(1, 2).clone().to(Device{}).to_doubles(), (std::vector<double>{3, 4}));
  EXPECT_EQ(there.to_doubles(), here.to_doubles());
  there.fill(7.0);
  EXPECT_EQ(there.slice(0, 1).to_doubles(), (std::vector<double>{7, 7}));
  there.fill(0.0);
  EXPECT_EQ(Tensor::zeros({2, 2}, DType::f32, Device::simt()).to_doubles(), there.to_doubles());
  EXPECT_EQ(here.to_doubles(), (std::vector<double>{1, 2, 3, 4}));
}

TEST(Device, TheHostDoesNotReadWhatLivesElsewhere) {
  const Tensor there = Tensor::zeros({2}, DType::f32, Device::simt());
  EXPECT_THROW(there.data<float>(), DeviceError);
  EXPECT_THROW(there.span<const float>(), DeviceError);
  EXPECT_THROW(there.raw(), DeviceError);
  EXPECT_EQ(there.device_span<const float>().size(), 2u);
}

TEST(Device, WhatNoKernelHasWrittenIsSeenOnTheWayBack) {
  EXPECT_THROW(Tensor::empty({3}, DType::f32, Device::simt()).to_doubles(), CheckFailed);
  EXPECT_THROW(Tensor::empty({3}, DType::i64, Device::simt()).to(Device{}), CheckFailed);
}

}  // namespace
}  // namespace primal
