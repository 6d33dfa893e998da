// The kernels of simt_kernels.cu as nvcc compiled them, on a CUDA device: barriers of block, grid and
// cluster, votes, shuffles, shared memory of every kind, fences and atomics, before any kernel of an op
// relies on them. What is expected is what the emulation computes (simt_test.cpp proves that it is right).
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <gtest/gtest.h>
#include <memory>
#include <numeric>
#include <span>
#include <vector>

#include "tensor/backend.h"
#include "tensor/device.h"
#include "tests/tensor/simt_kernels.h"

namespace primal::cuda {
#include "tests/tensor/simt_kernel_list.h"
}  // namespace primal::cuda

namespace primal {
namespace {

// Memory of the first CUDA device. Kernels of the tests are launched there too: Exec{} has device number 0.
template <class T>
class OnDevice {
 public:
  explicit OnDevice(const std::vector<T>& host) : n_(host.size()) {
    block_ = device().allocate(host.size() * sizeof(T), sizeof(T));
    device().from_host(block_.get(), host.data(), host.size() * sizeof(T));
  }
  std::span<T> span() { return {static_cast<T*>(block_.get()), n_}; }
  std::vector<T> to_host() const {
    std::vector<T> host(n_);
    device().to_host(host.data(), block_.get(), n_ * sizeof(T), sizeof(T));
    return host;
  }

 private:
  static Backend& device() { return backend(Device::cuda(0)); }
  size_t n_;
  std::shared_ptr<void> block_;
};

class CudaSimt : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::vector<DeviceInfo> all = devices();
    const auto is_cuda = [](const DeviceInfo& d) { return d.device.kind == Device::Kind::cuda; };
    if (std::ranges::none_of(all, is_cuda)) GTEST_SKIP() << "no CUDA device here";
  }
};

template <class T>
std::vector<T> ramp(int64_t n) {
  std::vector<T> x(static_cast<size_t>(n));
  std::iota(x.begin(), x.end(), T{1});
  return x;
}

// Runs `emulated` on the host and `compiled` on the device with copies of the same arrays, and
// compares all of them afterwards.
template <class T, class Emulated, class Compiled>
void expect_same(std::vector<std::vector<T>> arrays, const Emulated& emulated, const Compiled& compiled) {
  std::vector<OnDevice<T>> there;
  for (const std::vector<T>& array : arrays) there.emplace_back(array);
  compiled(there);
  emulated(arrays);
  for (size_t i = 0; i < arrays.size(); ++i) EXPECT_EQ(there[i].to_host(), arrays[i]) << "array " << i;
}

TEST_F(CudaSimt, RunsEachThreadOnce) {
  expect_same<float>(
      {ramp<float>(5000), std::vector<float>(5000, 1.0f)}, [](auto& a) { simt::axpy(2.0f, a[0], a[1]); },
      [](auto& a) { cuda::axpy(2.0f, a[0].span(), a[1].span()); });
}

TEST_F(CudaSimt, ReducesThroughShufflesAndSharedMemory) {
  expect_same<float>(
      {ramp<float>(600), std::vector<float>(3)}, [](auto& a) { simt::block_sums(a[0], a[1]); },
      [](auto& a) { cuda::block_sums(a[0].span(), a[1].span()); });
}

TEST_F(CudaSimt, TransposesThroughTilesInSharedMemory) {
  expect_same<float>(
      {ramp<float>(37 * 20), std::vector<float>(37 * 20)},
      [](auto& a) { simt::transpose(a[0], 37, 20, a[1]); },
      [](auto& a) { cuda::transpose(a[0].span(), 37, 20, a[1].span()); });
}

TEST_F(CudaSimt, MeetsAtTheBarrierOfTheGrid) {
  expect_same<float>(
      {ramp<float>(1000), std::vector<float>(1000)}, [](auto& a) { simt::rotate(a[0], a[1], 33); },
      [](auto& a) { cuda::rotate(a[0].span(), a[1].span(), 33); });
}

TEST_F(CudaSimt, ShufflesByIndexFromBelowAndAcross) {
  expect_same<int>(
      {ramp<int>(64), std::vector<int>(64), std::vector<int>(64), std::vector<int>(64)},
      [](auto& a) { simt::shuffles(a[0], a[1], a[2], a[3]); },
      [](auto& a) { cuda::shuffles(a[0].span(), a[1].span(), a[2].span(), a[3].span()); });
}

TEST_F(CudaSimt, ReadsTheSharedMemoryOfTheCluster) {
  expect_same<float>(
      {ramp<float>(256), std::vector<float>(8)}, [](auto& a) { simt::cluster_sums(a[0], a[1]); },
      [](auto& a) { cuda::cluster_sums(a[0].span(), a[1].span()); });
}

TEST_F(CudaSimt, LoadsAndStoresFourAtATime) {
  expect_same<float>(
      {ramp<float>(200), std::vector<float>(200)}, [](auto& a) { simt::twice_by_four(a[0], a[1]); },
      [](auto& a) { cuda::twice_by_four(a[0].span(), a[1].span()); });
}

TEST_F(CudaSimt, CountsAndComparesInSharedMemory) {
  std::vector<int> x(128, -1);
  x[9] = x[40] = 7;
  x[100] = 3;
  expect_same<int>(
      {x, std::vector<int>(2), std::vector<int>(2), std::vector<int>(2)},
      [](auto& a) { simt::largest(a[0], a[1], a[2], a[3]); },
      [](auto& a) { cuda::largest(a[0].span(), a[1].span(), a[2].span(), a[3].span()); });
}

TEST_F(CudaSimt, AddsAtomicallyInDynamicSharedMemory) {
  std::vector<float> x(1000);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * i % 1000) / 1000.0f;
  // 60 KB: more than a kernel has without being allowed to.
  for (const size_t n : {size_t{10}, size_t{15360}}) {
    OnDevice<float> values(x);
    OnDevice<int> counts{std::vector<int>(n)};
    cuda::histogram(values.span(), counts.span());
    std::vector<int> expected(n);
    simt::histogram(x, expected);
    EXPECT_EQ(counts.to_host(), expected) << n;
  }
}

TEST_F(CudaSimt, VotesWithinTheWarp) {
  std::vector<float> x(128, -1.0f);
  x[5] = x[31] = 1.0f;
  std::fill(x.begin() + 64, x.begin() + 127, 1.0f);
  OnDevice<float> values(x);
  OnDevice<unsigned> ballots{std::vector<unsigned>(4)};
  OnDevice<int> any_all{std::vector<int>(4)};
  cuda::votes(values.span(), ballots.span(), any_all.span());
  EXPECT_EQ(ballots.to_host(), (std::vector<unsigned>{0x80000020, 0, 0xFFFFFFFF, 0x7FFFFFFF}));
  EXPECT_EQ(any_all.to_host(), (std::vector<int>{2, 0, 3, 2}));
}

TEST_F(CudaSimt, PassesOnThroughAFenceAndATicket) {
  OnDevice<float> x(ramp<float>(40 * 32)), partial(std::vector<float>(40)), sum(std::vector<float>(1));
  OnDevice<int> tickets(std::vector<int>(1));
  cuda::last_block_sum(x.span(), partial.span(), tickets.span(), sum.span());
  EXPECT_EQ(sum.to_host()[0], 1280 * 1281 / 2);
}

TEST_F(CudaSimt, SumsWhatOtherBlocksWrote) {
  std::vector<double> x(1777);
  for (size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<double>(i));
  OnDevice<double> of_x(x), copies(std::vector<double>(x.size())), sums(std::vector<double>(4));
  cuda::grid_sum(of_x.span(), 12, copies.span(), sums.span());
  std::vector<double> expected(1);
  simt::one_block_sum(x, expected);
  EXPECT_EQ(sums.to_host(), std::vector<double>(4, expected[0]));
}

TEST_F(CudaSimt, MultipliesOnTensorCores) {
  std::vector<float> a(256), b(128), zeros(256);
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(i * i % 37) - 18.0f;
  for (size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(i * 7 % 23) - 11.0f;
  OnDevice<float> of_a(a), of_b(b), sum(zeros);
  cuda::products(of_a.span(), of_b.span(), sum.span());
  std::vector<float> expected = zeros;  // integers: exact in any order
  simt::products(a, b, expected);
  EXPECT_EQ(sum.to_host(), expected);
}

TEST_F(CudaSimt, CopiesToSharedMemoryBesideTheKernel) {
  const std::vector<float> x = ramp<float>(700);
  OnDevice<float> of_x(x), y(std::vector<float>(768));
  cuda::reverse_chunks(of_x.span(), y.span());
  std::vector<float> expected(768);
  simt::reverse_chunks(x, expected);
  EXPECT_EQ(y.to_host(), expected);
}

}  // namespace
}  // namespace primal
