#include "tensor/tensor.h"

#include <cstdint>
#include <gtest/gtest.h>

#include "tensor/error.h"
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

TEST(MemoryPool, WastesAtMostAnEighth) {
  for (size_t bytes : {1u, 64u, 65u, 513u, 1025u, 100000u, 16777217u}) {
    const size_t rounded = MemoryPool::size_class(bytes);
    EXPECT_GE(rounded, bytes);
    EXPECT_EQ(rounded % MemoryPool::kAlignment, 0u);
    EXPECT_LE(static_cast<double>(rounded), std::max(1.125 * static_cast<double>(bytes), bytes + 64.0))
        << bytes;
  }
}

TEST(MemoryPool, BlocksMayOutliveThePool) {
  std::shared_ptr<void> block;
  {
    MemoryPool pool;
    block = pool.allocate(100);
  }
  *static_cast<char*>(block.get()) = 1;  // AddressSanitizer watches
}

TEST(Device, KnowsWhatThisBuildHas) {
  EXPECT_EQ(Device::parse("auto").str(), "cpu");
  EXPECT_THROW(Device::parse("cuda:0"), DeviceError);
  EXPECT_THROW(Device::parse("gpu"), DeviceError);
}

}  // namespace
}  // namespace primal
