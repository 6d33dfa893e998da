// What a Recording counts, on patterns whose counts are known.
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "tensor/simt/recording.h"
#include "tensor/simt/simt.h"
#include "tests/tensor/simt_kernels.h"

namespace primal::simt {
namespace {

// The counters of one launch, the same in every order of the threads.
template <class... Params, class... Args>
LaunchCounters count(const Launch& at, void (*kernel)(Params...), Args*... buffers) {
  std::vector<LaunchCounters> counters;
  for (const Schedule& schedule : schedules()) {
    const ScheduleScope scope(schedule);
    const Recording recording;
    launch(Exec{}, at, kernel, global(buffers->span())...);
    counters.push_back(recording.launches().at(0).counters);
    EXPECT_EQ(counters[0].global().sectors, counters.back().global().sectors);
    EXPECT_EQ(counters[0].bank_conflicts, counters.back().bank_conflicts);
    EXPECT_EQ(counters[0].divergent_branches, counters.back().divergent_branches);
  }
  return counters[0];
}

template <class T>
Buffer<T> ones(size_t n) {
  const std::vector<T> host(n, T(1));
  return Buffer<T>(std::span<const T>(host));
}

template <class T, int stride, int offset>
__global__ void copies(Global<const T> x, Global<T> y) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x) * stride + offset;
  y[i] = x[i];
}

template <class T, int stride, int offset = 0>
Traffic traffic_of_copy() {
  Buffer<T> x = ones<T>(128 * stride + offset), y = ones<T>(128 * stride + offset);
  const LaunchCounters c = count({.name = "copy", .grid = 2, .block = 64}, copies<T, stride, offset>, &x, &y);
  EXPECT_EQ(c.loads.requests, 4);
  EXPECT_EQ(c.loads.bytes, 128 * static_cast<int64_t>(sizeof(T)));
  EXPECT_EQ(c.stores.requests, c.loads.requests);
  EXPECT_EQ(c.stores.sectors, c.loads.sectors);
  EXPECT_EQ(c.stores.ideal_sectors, c.loads.ideal_sectors);
  EXPECT_EQ(c.atomics.requests, 0);
  EXPECT_EQ(c.divergent_branches, 0);
  return c.loads;
}

TEST(SimtCounters, SectorsOfARequest) {
  EXPECT_EQ((traffic_of_copy<float, 1>().sectors), 4 * 4);
  EXPECT_EQ((traffic_of_copy<float, 2>().sectors), 4 * 8);
  EXPECT_EQ((traffic_of_copy<float, 32>().sectors), 4 * 32);
  EXPECT_EQ((traffic_of_copy<float, 32>().ideal_sectors), 4 * 4);
  EXPECT_EQ((traffic_of_copy<float, 1, 1>().sectors), 4 * 5);
  EXPECT_EQ((traffic_of_copy<float, 1, 1>().ideal_sectors), 4 * 4);
  EXPECT_EQ((traffic_of_copy<double, 1>().sectors), 4 * 8);
  EXPECT_EQ((traffic_of_copy<uint8_t, 1>().sectors), 4 * 1);
}

__global__ void adds_one_value(Global<const float> x, Global<float> y) { y[threadIdx.x] += x[3]; }

TEST(SimtCounters, OneValueForAllLanes) {
  Buffer<float> x = ones<float>(4), y = ones<float>(40);
  const LaunchCounters c = count({.name = "add", .block = 40}, adds_one_value, &x, &y);
  EXPECT_EQ(c.loads.requests, 2 * 2);  // of x and of y, for a warp of 32 and one of 8
  EXPECT_EQ(c.loads.sectors, 2 * 1 + 4 + 1);
  EXPECT_EQ(c.loads.ideal_sectors, 2 * 1 + 4 + 1);
  EXPECT_EQ(c.stores.sectors, 4 + 1);
  EXPECT_EQ(c.blocks, 1);
  EXPECT_EQ(c.threads, 40);
}

template <size_t width>
__global__ void transposes(Global<const float> x, Global<float> y) {
  PRIMAL_SHARED(float, tile, [32][width]);
  tile[threadIdx.y][threadIdx.x] = x[threadIdx.y * 32 + threadIdx.x];
  __syncthreads();
  y[threadIdx.y * 32 + threadIdx.x] = tile[threadIdx.x][threadIdx.y];
}

TEST(SimtCounters, BankConflictsOfATransposeWithAndWithoutPadding) {
  Buffer<float> x = ones<float>(1024), y = ones<float>(1024);
  const Launch at{.name = "transpose", .block = dim3(32, 32)};
  const LaunchCounters plain = count(at, transposes<32>, &x, &y), padded = count(at, transposes<33>, &x, &y);
  EXPECT_EQ(plain.shared_requests, 64);
  EXPECT_EQ(plain.bank_conflicts, 32 * 31);
  EXPECT_EQ(plain.shared_passes, 32 + 32 * 32);
  EXPECT_EQ(padded.shared_requests, 64);
  EXPECT_EQ(padded.bank_conflicts, 0);
  EXPECT_EQ(padded.barriers, 1);
  EXPECT_EQ(padded.global().sectors, 32 * 4 * 2);
}

// A step of 2 words: 2 lanes to a bank. Doubles side by side: two halves of a warp, a pass each. All
// lanes one word: one pass.
template <class T, int stride>
__global__ void writes_shared(Global<T> y) {
  PRIMAL_SHARED(T, s, [64]);
  s[threadIdx.x * stride] = T(1);
  __syncthreads();
  y[threadIdx.x] = s[0];
}

TEST(SimtCounters, PassesOfSharedRequests) {
  Buffer<float> y(32);
  Buffer<double> z(32);
  const Launch at{.name = "shared", .block = 32};
  const LaunchCounters two = count(at, writes_shared<float, 2>, &y),
                       wide = count(at, writes_shared<double, 1>, &z),
                       wide_two = count(at, writes_shared<double, 2>, &z);
  EXPECT_EQ(two.shared_passes, 2 + 1);
  EXPECT_EQ(two.bank_conflicts, 1);
  EXPECT_EQ(wide.shared_passes, 2 + 2);
  EXPECT_EQ(wide.bank_conflicts, 0);
  EXPECT_EQ(wide_two.shared_passes, 4 + 2);
  EXPECT_EQ(wide_two.bank_conflicts, 2);
}

__global__ void both_ways(Global<float> y) {
  if (threadIdx.x % 2 == 0)
    y[threadIdx.x] = 1.0f;
  else
    y[threadIdx.x] = 2.0f;
  y[threadIdx.x + 64] = 3.0f;
}
__global__ void by_warp(Global<float> y) {
  if (threadIdx.x < 32) y[threadIdx.x] = 1.0f;
  y[threadIdx.x + 64] = 3.0f;
}
__global__ void all_but_the_last(Global<float> y) {
  if (threadIdx.x < 63) y[threadIdx.x] = 1.0f;
}

TEST(SimtCounters, BranchesInWhichTheLanesOfAWarpPart) {
  Buffer<float> y = ones<float>(128);
  const Launch at{.name = "branch", .block = 64};
  const LaunchCounters both = count(at, both_ways, &y), warps = count(at, by_warp, &y),
                       last = count(at, all_but_the_last, &y);
  EXPECT_EQ(both.divergent_branches, 2);  // once for each warp
  EXPECT_EQ(both.stores.requests, 2 * 3);
  EXPECT_EQ(both.stores.sectors, 2 * (4 + 4 + 4));
  EXPECT_EQ(both.stores.ideal_sectors, 2 * (2 + 2 + 4));
  EXPECT_EQ(warps.divergent_branches, 0);
  EXPECT_EQ(warps.stores.requests, 3);
  EXPECT_EQ(last.divergent_branches, 1);
  EXPECT_EQ(last.stores.requests, 2);
}

// Lane l goes round l times.
__global__ void as_often_as_its_number(Global<const float> x, Global<float> y) {
  float sum = 0.0f;
  for (unsigned i = 0; i < threadIdx.x; ++i) sum += x[i];
  y[threadIdx.x] = sum;
}
// The lanes at an end skip a visit; the others' visits stay one request.
__global__ void sums_neighbours(Global<const float> x, Global<float> y) {
  const int i = static_cast<int>(threadIdx.x), n = static_cast<int>(blockDim.x);
  float sum = 0.0f;
  for (int k = 0; k < 3; ++k) {
    const float weight = x[k];
    const int at = i + k - 1;
    if (at >= 0 && at < n) sum += weight * x[at];
  }
  y[i] = sum;
}
__device__ float clamped(Global<const float> x, int i, int n) {
  if (i < 0 || i >= n) return 0.0f;
  return x[i];
}
__global__ void sums_through_a_function(Global<const float> x, Global<float> y) {
  const int i = static_cast<int>(threadIdx.x), n = static_cast<int>(blockDim.x);
  y[i] = clamped(x, i - 8, n) + clamped(x, i, n) + clamped(x, i + 8, n);
}

TEST(SimtCounters, LanesRejoinInAndAfterLoopsAndFunctions) {
  Buffer<float> x = ones<float>(32), y = ones<float>(32);
  const Launch at{.name = "loop", .block = 32};
  const LaunchCounters often = count(at, as_often_as_its_number, &x, &y);
  EXPECT_EQ(often.loads.requests, 31);
  EXPECT_EQ(often.loads.sectors, 31);
  EXPECT_EQ(often.stores.requests, 1);  // all together again
  EXPECT_EQ(often.divergent_branches, 31);

  const LaunchCounters neighbours = count(at, sums_neighbours, &x, &y);
  EXPECT_EQ(neighbours.loads.requests, 3 + 3);
  EXPECT_EQ(neighbours.loads.sectors, 3 + 4 + 4 + 4);  // lanes 1-31, 0-31, 0-30
  EXPECT_EQ(neighbours.stores.requests, 1);
  EXPECT_EQ(neighbours.divergent_branches, 2);

#ifdef __OPTIMIZE__  // otherwise the function is not inlined, and its three calls are one place
  const LaunchCounters clamps = count(at, sums_through_a_function, &x, &y);
  EXPECT_EQ(clamps.loads.requests, 3);
  EXPECT_EQ(clamps.loads.sectors, 3 + 4 + 3);
#endif
}

TEST(SimtCounters, BarriersAndWarpOperations) {
  const std::vector<float> x(600, 0.5f);
  Buffer<float> sums(3), y(x), scratch(600);
  const Recording recording;
  block_sums(x, sums.span());
  rotate(y.span(), scratch.span(), 3);
  const std::vector<LaunchRecord> launches = recording.launches();
  const LaunchCounters& c = launches.at(0).counters;
  EXPECT_EQ(c.barriers, 3);
  EXPECT_EQ(c.warp_operations, 3 * (8 * 5 + 3));
  EXPECT_EQ(c.stores.requests, 3);
  EXPECT_EQ(launches.at(1).counters.grid_barriers, 6);
  EXPECT_EQ(launches.at(1).counters.barriers, 0);
}

__global__ void counts(Global<int> y) { atomicAdd(y + threadIdx.x % 4, 1); }

TEST(SimtCounters, AtomicOperationsApart) {
  Buffer<int> y = ones<int>(4);
  const LaunchCounters c = count({.name = "counts", .block = 32}, counts, &y);
  EXPECT_EQ(c.atomics.requests, 1);
  EXPECT_EQ(c.atomics.sectors, 1);
  EXPECT_EQ(c.loads.requests + c.stores.requests, 0);
}

TEST(SimtCounters, WideRequests) {
  Buffer<float> x = ones<float>(128), y(128);
  const Recording recording;
  twice_by_four(x.span(), y.span());
  const LaunchCounters c = recording.launches().at(0).counters;
  EXPECT_EQ(c.loads.requests, 1);
  EXPECT_EQ(c.loads.bytes, 512);
  EXPECT_EQ(c.loads.sectors, 16);
  EXPECT_EQ(c.loads.ideal_sectors, 16);
  EXPECT_EQ(c.shared_requests, 2);
  EXPECT_EQ(c.shared_passes, 2 * 4);  // a quarter of the warp each
  EXPECT_EQ(c.bank_conflicts, 0);
}

TEST(SimtCounters, SumUpByKernel) {
  const std::vector<float> x(256, 1.0f);
  Buffer<float> y(x), sums(1);
  const Recording recording({.races = false});
  axpy(1.0f, x, y.span());
  block_sums(x, sums.span());
  axpy(1.0f, x, y.span());
  const std::vector<LaunchCounters> kernels = sum_by_kernel(recording.launches());
  ASSERT_EQ(kernels.size(), 2U);
  EXPECT_EQ(kernels[0].name, "axpy");
  EXPECT_EQ(kernels[0].launches, 2);
  EXPECT_EQ(kernels[0].blocks, 4);
  EXPECT_EQ(kernels[0].threads, 512);
  EXPECT_EQ(kernels[0].grid, (std::array<unsigned, 3>{2, 1, 1}));
  EXPECT_EQ(kernels[0].loads.requests, 2 * 2 * 8);
  EXPECT_EQ(kernels[0].stores.requests, 2 * 8);
  EXPECT_EQ(kernels[1].name, "block_sums");
}

}  // namespace
}  // namespace primal::simt
