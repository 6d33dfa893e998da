// Correct kernels (simt_kernels.cu) on the emulation: right, and the same to the bit in every order of the
// threads.
#include "tensor/simt/simt.h"

#include <cmath>
#include <gtest/gtest.h>
#include <numeric>
#include <vector>

#include "tensor/error.h"
#include "tensor/exec.h"
#include "tests/tensor/simt_kernels.h"

namespace primal::simt {
namespace {

template <class T>
Buffer<T> device(const std::vector<T>& host) {
  return Buffer<T>(std::span<const T>(host));
}

std::vector<float> ramp(int64_t n) {
  std::vector<float> x(static_cast<size_t>(n));
  std::iota(x.begin(), x.end(), 1.0f);
  return x;
}

TEST(Simt, RunsEachThreadOfEachBlockOnce) {
  for (int64_t n : {1, 127, 128, 129, 5000}) {
    const std::vector<float> x = ramp(n);
    const auto y = same_in_all_orders("axpy", [&] {
      Buffer<float> out = device(std::vector<float>(x.size(), 1.0f));
      axpy(2.0f, x, out.span());
      return out.to_host();
    });
    for (size_t i = 0; i < y.size(); ++i) ASSERT_EQ(y[i], 2.0f * x[i] + 1.0f) << i;
  }
}

TEST(Simt, ReducesThroughShufflesAndSharedMemory) {
  const std::vector<float> x = ramp(600);  // sums of integers below 2^24 are exact
  const auto sums = same_in_all_orders("block_sums", [&] {
    Buffer<float> out(3);
    block_sums(x, out.span());
    return out.to_host();
  });
  EXPECT_EQ(sums, (std::vector<float>{32'896, 98'432, 48'972}));  // of 1 to 256, 257 to 512, 513 to 600
}

TEST(Simt, TransposesThroughTilesOfTwoDimensions) {
  const int64_t height = 37, width = 20;
  const std::vector<float> x = ramp(height * width);
  const auto y = same_in_all_orders("transpose", [&] {
    Buffer<float> out(x.size());
    transpose(x, height, width, out.span());
    return out.to_host();
  });
  for (int64_t h = 0; h < height; ++h)
    for (int64_t w = 0; w < width; ++w)
      ASSERT_EQ(y[static_cast<size_t>(w * height + h)], x[static_cast<size_t>(h * width + w)]);
}

TEST(Simt, AddsAtomicallyInSharedAndGlobalMemory) {
  std::vector<float> x(1000);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * i % 1000) / 1000.0f;
  std::vector<int> expected(10);
  for (float v : x) ++expected[static_cast<size_t>(v * 10.0f)];
  const auto counts = same_in_all_orders("histogram", [&] {
    Buffer<int> out = device(std::vector<int>(10));
    histogram(x, out.span());
    return out.to_host();
  });
  EXPECT_EQ(counts, expected);
}

TEST(Simt, MeetsAtTheBarrierOfTheGrid) {
  const std::vector<float> x = ramp(100);
  const auto y = same_in_all_orders("rotate", [&] {
    Buffer<float> out = device(x), scratch(x.size());
    rotate(out.span(), scratch.span(), 3);
    return out.to_host();
  });
  for (size_t i = 0; i < y.size(); ++i) ASSERT_EQ(y[i], x[(i + 3) % 100]);
}

TEST(Simt, VotesWithinTheWarp) {
  std::vector<float> x(128, -1.0f);
  x[5] = x[31] = 1.0f;                            // warp 0: lanes 5 and 31; warp 1: none
  for (size_t i = 64; i < 96; ++i) x[i] = 1.0f;   // warp 2: all
  for (size_t i = 96; i < 127; ++i) x[i] = 1.0f;  // warp 3: all but the last
  const auto run = [&](bool wants_ballots) {
    return same_in_all_orders("votes", [&] {
      Buffer<unsigned> ballots(4);
      Buffer<int> any_all(4);
      votes(x, ballots.span(), any_all.span());
      const std::vector<unsigned> b = ballots.to_host();
      const std::vector<int> a = any_all.to_host();
      return wants_ballots ? std::vector<int64_t>(b.begin(), b.end())
                           : std::vector<int64_t>(a.begin(), a.end());
    });
  };
  EXPECT_EQ(run(true), (std::vector<int64_t>{0x80000020, 0, 0xFFFFFFFF, 0x7FFFFFFF}));
  EXPECT_EQ(run(false), (std::vector<int64_t>{2, 0, 3, 2}));
}

TEST(Simt, ShufflesByIndexFromBelowAndAcross) {
  std::vector<int> x(64);
  std::iota(x.begin(), x.end(), 100);
  Buffer<int> first(64), up(64), mirrored(64);
  shuffles(x, first.span(), up.span(), mirrored.span());
  for (int i = 0; i < 64; ++i) {
    const auto at = static_cast<size_t>(i);
    EXPECT_EQ(first.to_host()[at], 100 + i / 32 * 32);
    EXPECT_EQ(up.to_host()[at], i % 32 == 0 ? 100 + i : 99 + i);
    EXPECT_EQ(mirrored.to_host()[at], 100 + (i ^ 7));
  }
}

TEST(Simt, ReadsTheSharedMemoryOfTheCluster) {
  const std::vector<float> x = ramp(8 * 32);
  const auto sums = same_in_all_orders("cluster_sums", [&] {
    Buffer<float> out(8);
    cluster_sums(x, out.span());
    return out.to_host();
  });
  for (size_t b = 0; b < 8; ++b)
    EXPECT_EQ(sums[b], b < 4 ? 128 * 129 / 2 : 256 * 257 / 2 - 128 * 129 / 2) << b;
}

TEST(Simt, NumbersTheBlocksOfAClusterByRank) {
  std::vector<unsigned> ranks(2 * 4 * 2, 99);
  launch(
      Exec{}, {.name = "ranks", .grid = dim3(2, 4, 2), .block = 1, .cluster = dim3(2, 2, 1)},
      +[](Global<unsigned> y) {
        y[(blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x] =
            10 * cluster_size() + cluster_rank();
      },
      global(std::span(ranks)));
  EXPECT_EQ(ranks, (std::vector<unsigned>{40, 41, 42, 43, 40, 41, 42, 43, 40, 41, 42, 43, 40, 41, 42, 43}));
}

TEST(Simt, PassesOnThroughAFenceAndATicket) {
  const std::vector<float> x = ramp(40 * 32);
  const auto sum = same_in_all_orders("last_block_sum", [&] {
    Buffer<float> partial(40), out(1);
    Buffer<int> tickets = device(std::vector<int>(1));
    last_block_sum(x, partial.span(), tickets.span(), out.span());
    return out.to_host();
  });
  EXPECT_EQ(sum[0], 1280 * 1281 / 2);
}

TEST(Simt, SumsWhatOtherBlocksWroteHaveTheBitsOfOneBlockInEveryShape) {
  for (const size_t n : {size_t{1}, size_t{200}, size_t{1777}}) {
    std::vector<double> x(n);
    for (size_t i = 0; i < n; ++i)
      x[i] = std::sin(static_cast<double>(i));  // rounded in another way in another order
    Buffer<double> expected(1);
    one_block_sum(x, expected.span());
    for (const unsigned warps : {1U, 3U, 8U, 12U}) {
      const auto sums = same_in_all_orders("grid_sum", [&] {
        Buffer<double> copies(n), out(4);
        grid_sum(x, warps, copies.span(), out.span());
        return out.to_host();
      });
      EXPECT_EQ(sums, std::vector<double>(4, expected.to_host()[0])) << n << " values, " << warps << " warps";
    }
  }
}

TEST(Simt, LoadsAndStoresFourAtATime) {
  const Buffer<float> x = device(ramp(200));
  Buffer<float> y(200);
  twice_by_four(x.span(), y.span());
  for (size_t i = 0; i < 200; ++i) ASSERT_EQ(y.to_host()[i], 2.0f * x.span()[i]);
}

TEST(Simt, CountsAndComparesInSharedMemory) {
  std::vector<int> x(128, -1);
  x[9] = x[40] = 7;
  x[100] = 3;
  Buffer<int> n(2), values(2), places(2);
  largest(x, n.span(), values.span(), places.span());
  EXPECT_EQ(n.to_host(), (std::vector<int>{2, 1}));
  EXPECT_EQ(values.to_host(), (std::vector<int>{7, 3}));
  EXPECT_EQ(places.to_host(), (std::vector<int>{9, 36}));
}

TEST(Simt, HasTheIntrinsicsOfCuda) {
  EXPECT_EQ(__popc(0xF0F0U), 8);
  EXPECT_EQ(__ffs(0), 0);
  EXPECT_EQ(__ffs(8), 4);
  EXPECT_EQ(__clz(1), 31);
  EXPECT_EQ(__umulhi(0x80000000U, 6U), 3U);
  EXPECT_EQ(__float_as_int(1.0f), 0x3F800000);
  EXPECT_EQ(__int_as_float(0x40000000), 2.0f);
  EXPECT_EQ(__fmaf_rn(2.0f, 3.0f, 4.0f), 10.0f);
  EXPECT_EQ(__float2int_rn(2.5f), 2);
  EXPECT_EQ(__saturatef(-1.0f), 0.0f);
  EXPECT_EQ(min(3, -2), -2);
  EXPECT_EQ(max(1.0f, NAN), 1.0f);
  int counter = 2;
  EXPECT_EQ(atomicInc(&counter, 2), 2);
  EXPECT_EQ(atomicSub(&counter, 5), 0);
  EXPECT_EQ(atomicMin(&counter, -9), -5);
  EXPECT_EQ(atomicOr(&counter, 1), -9);
}

TEST(Simt, DoesNotDependOnTheNumberOfThreads) {
  const std::vector<float> x = ramp(3000);
  const auto sums = [&](int threads) {
    const int before = num_threads();
    set_num_threads(threads);
    Buffer<float> out(12);
    block_sums(x, out.span());
    set_num_threads(before);
    return out.to_host();
  };
  EXPECT_EQ(sums(1), sums(3));
}

TEST(Simt, RefusesWhatNoDeviceCanLaunch) {
  const auto run = [](const Launch& at) { run_grid(Exec{}, at, [] {}); };
  EXPECT_THROW(run({.name = "wide", .block = 1025}), DeviceError);
  EXPECT_THROW(run({.name = "deep", .block = dim3(1, 1, 65)}), DeviceError);
  EXPECT_THROW(run({.name = "empty", .grid = 0}), DeviceError);
  EXPECT_THROW(run({.name = "tall", .grid = dim3(1, 65536)}), DeviceError);
  EXPECT_THROW(run({.name = "long", .grid = grid_of((int64_t{1} << 32) + 1)}), DeviceError);
  EXPECT_THROW(run({.name = "clusters", .grid = 3, .cluster = 2}), DeviceError);
  EXPECT_THROW(run({.name = "clusters", .grid = 32, .cluster = 32}), DeviceError);
  EXPECT_THROW(run({.name = "greedy", .shared_bytes = 228 << 10}), DeviceError);
  EXPECT_NO_THROW(run({.name = "largest", .block = 1024, .shared_bytes = 227 << 10}));
  EXPECT_NO_THROW(run({.name = "sixteen", .grid = 16, .cluster = 16}));
}

}  // namespace
}  // namespace primal::simt
