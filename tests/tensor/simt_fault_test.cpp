// Kernels with one fault each, planted, and what the emulation says of it.
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "tensor/error.h"
#include "tensor/scratch.h"
#include "tensor/simt/simt.h"

namespace primal::simt {
namespace {

constexpr unsigned kAllLanes = ~0U;

// The message of the CheckFailed that run() throws.
template <class Run>
std::string fault_of(const Run& run) {
  try {
    run();
  } catch (const CheckFailed& error) {
    return error.what();
  }
  return "no fault was reported";
}

#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

__global__ void half_at_barrier() {
  if (threadIdx.x < 32) __syncthreads();
}

TEST(SimtFault, BarrierThatHalfTheBlockReaches) {
  for (const Schedule& schedule : schedules()) {
    const ScheduleScope scope(schedule);
    const std::string fault =
        fault_of([] { launch(Exec{}, {.name = "half", .grid = 3, .block = 64}, half_at_barrier); });
    EXPECT_HAS(fault, "[half] block ");
    EXPECT_HAS(fault, "threads 0-31 wait at __syncthreads, simt_fault_test.cpp:");
    EXPECT_HAS(fault, "threads 32-63 have ended");
  }
}

__global__ void two_barriers() {
  if (threadIdx.x % 2 == 0)
    __syncthreads();
  else
    __syncthreads();
}

TEST(SimtFault, BarriersAtTwoPlaces) {
  const std::string fault = fault_of([] { launch(Exec{}, {.name = "two", .block = 4}, two_barriers); });
  EXPECT_HAS(fault, "threads 0, 2 wait at");
  EXPECT_HAS(fault, "threads 1, 3 wait at");
}

__global__ void absent_lanes(Global<int> y) {
  if (threadIdx.x < 16) y[threadIdx.x] = __shfl_xor_sync(kAllLanes, int(threadIdx.x), 1);
}

TEST(SimtFault, WarpOperationThatNotAllLanesOfItsMaskReach) {
  Buffer<int> y(16);
  const std::string fault =
      fault_of([&] { launch(Exec{}, {.name = "lanes", .block = 32}, absent_lanes, global(y.span())); });
  EXPECT_HAS(fault, "threads 0-15 wait at a warp operation for the lanes 0xffffffff, simt_fault_test.cpp:");
}

__global__ void left_out() { __syncwarp(0xFFFFU); }

TEST(SimtFault, WarpOperationOfALaneOutsideItsMask) {
  EXPECT_HAS(fault_of([] { launch(Exec{}, {.name = "left_out", .block = 32}, left_out); }),
             "lane 16 calls a warp operation");
}

__global__ void one_block_at_grid_barrier() {
  if (blockIdx.x == 1) grid_sync();
}

TEST(SimtFault, GridBarrierThatNotAllBlocksReach) {
  const Launch cooperative{.name = "grid", .grid = 2, .block = 32, .cooperative = true};
  const std::string fault = fault_of([&] { launch(Exec{}, cooperative, one_block_at_grid_barrier); });
  EXPECT_HAS(fault, "block (0,0,0) cannot go on: threads 0-31 have ended; other blocks wait at grid_sync");
  const Launch independent{.name = "grid", .grid = 2, .block = 32};
  EXPECT_HAS(fault_of([&] { launch(Exec{}, independent, one_block_at_grid_barrier); }), "not cooperative");
}

template <int n>
__global__ void some_at_cluster_barrier() {
  if (cluster_rank() < n) cluster_sync();
}
__global__ void beyond_the_cluster() {
  PRIMAL_SHARED(float, s, [2][4]);
  map_shared(s, cluster_rank() + 1)[0][0] = 1.0f;
}
// Rank 0 ends before rank 1 looks, or has not yet begun.
__global__ void ends_before_others_read(Global<float> y) {
  PRIMAL_SHARED(float, s, [4]);
  s[threadIdx.x] = 1.0f;
  cluster_sync();
  if (cluster_rank() == 0) return;
  __syncthreads();
  y[threadIdx.x] = map_shared(s, 0)[threadIdx.x];
}
__global__ void beyond_the_others_array(unsigned i) {
  PRIMAL_SHARED(float, s, [2][4]);
  map_shared(s, 1 - cluster_rank())[1][i] = 1.0f;
  cluster_sync();
}
__global__ void reads_what_the_other_has_not_written(Global<float> y) {
  PRIMAL_SHARED(float, s, [2][4]);
  y[cluster_rank()] = map_shared(s, 1 - cluster_rank())[1][2];
  cluster_sync();
}

TEST(SimtFault, Clusters) {
  const Launch pairs{.name = "pairs", .grid = 4, .block = 32, .cluster = 2};
  EXPECT_EQ(fault_of([&] { launch(Exec{}, pairs, some_at_cluster_barrier<2>); }), "no fault was reported");
  EXPECT_HAS(
      fault_of([&] { launch(Exec{}, pairs, some_at_cluster_barrier<1>); }),
      "[pairs] block (1,0,0) cannot go on: threads 0-31 have ended; other blocks wait at cluster_sync");
  EXPECT_HAS(
      fault_of([&] { launch(Exec{}, pairs, beyond_the_cluster); }),
      "block (1,0,0), thread (0,0,0): map_shared to rank 2 in a cluster of 2, at simt_fault_test.cpp:");
  const Launch small{.name = "small", .grid = 2, .block = 4, .cluster = 2};
  Buffer<float> y(4);
  EXPECT_HAS(fault_of([&] { launch(Exec{}, small, ends_before_others_read, global(y.span())); }),
             "map_shared to rank 0, whose block has ended");
  EXPECT_HAS(fault_of([&] { launch(Exec{}, small, beyond_the_others_array, 4U); }),
             "index 4 is beyond the extent 4 of s[1] of rank 1, at");
  EXPECT_HAS(fault_of([&] { launch(Exec{}, small, reads_what_the_other_has_not_written, global(y.span())); }),
             "s[1][2] of rank 1 is read, but nothing has written it");
}

__global__ void counts_from_nothing(Global<int> y) { atomicAdd(y, 1); }
__global__ void four_from(Global<const float> x, Global<float> y, int first) {
  const float4 v = *as<float4>(x + first);
  y[0] = v.w;
}

TEST(SimtFault, AtomicAndWideAccess) {
  Buffer<int> n(1);
  EXPECT_HAS(
      fault_of([&] { launch(Exec{}, {.name = "count", .block = 1}, counts_from_nothing, global(n.span())); }),
      "element 0 of a buffer of 1 is read, but nothing has written it");
  Buffer<float> x(std::vector<float>(10, 1.0f)), y(1);
  const std::span<const float> in = x.span();
  const auto from = [&](int first) {
    return fault_of([&] {
      launch(Exec{}, {.name = "four", .block = 1}, four_from, global(in), global(y.span()), first);
    });
  };
  EXPECT_EQ(from(4), "no fault was reported");
  EXPECT_HAS(from(2), "does not begin at a multiple of 16");
  EXPECT_HAS(from(8), "reads element 2 of a buffer of 2");
  EXPECT_HAS(from(-4), "reads element -1 of a buffer of 2");
  x = Buffer<float>(10);
  EXPECT_HAS(fault_of([&] {
               launch(Exec{}, {.name = "four", .block = 1}, four_from,
                      global(std::span<const float>(x.span())), global(y.span()), 0);
             }),
             "nothing has written it");
}

__global__ void one_too_far(Global<const float> x, Global<float> y) { y[threadIdx.x] = x[threadIdx.x + 1]; }
__global__ void writes_below(Global<float> y) { y[int(threadIdx.x) - 1] = 0.0f; }
__global__ void adds_beyond(Global<float> y) { atomicAdd(y + 32, 1.0f); }

TEST(SimtFault, AccessOutsideABuffer) {
  const std::vector<float> x(32, 1.0f);
  Buffer<float> y(32);
  const std::span<const float> in(x);
  EXPECT_HAS(fault_of([&] {
               launch(Exec{}, {.name = "far", .block = 32}, one_too_far, global(in), global(y.span()));
             }),
             "[far] block (0,0,0), thread (31,0,0): reads element 32 of a buffer of 32");
  EXPECT_HAS(
      fault_of([&] { launch(Exec{}, {.name = "below", .block = 32}, writes_below, global(y.span())); }),
      "thread (0,0,0): writes element -1");
  EXPECT_HAS(fault_of([&] { launch(Exec{}, {.name = "add", .block = 32}, adds_beyond, global(y.span())); }),
             "updates element 32");
}

#if defined(__SANITIZE_ADDRESS__)
__global__ void plain_too_far(const float* x, float* y) { y[threadIdx.x] = x[threadIdx.x + 1]; }
__global__ void shared_too_far(Global<float> y) {
  PRIMAL_SHARED(float, s, [32]);
  float* const plain = s;
  plain[threadIdx.x + 1] = 1.0f;
  __syncthreads();
  y[threadIdx.x] = plain[threadIdx.x];
}

TEST(SimtFaultDeathTest, PlainPointersOutsideABufferUnderAddressSanitizer) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Buffer<float> x(std::vector<float>(32, 1.0f)), y(32);
  EXPECT_DEATH(launch(Exec{}, {.name = "far", .block = 32}, plain_too_far, x.span().data(), y.span().data()),
               "heap-buffer-overflow");
  EXPECT_DEATH(launch(Exec{}, {.name = "far", .block = 32}, shared_too_far, global(y.span())),
               "heap-buffer-overflow");
}
#endif

__global__ void copies(Global<const float> x, Global<float> y) { y[threadIdx.x] = x[threadIdx.x]; }
__global__ void rounds(Global<const double> x, Global<float> y) { y[0] = static_cast<float>(x[0]); }
__global__ void increments(Global<int> y) { y[threadIdx.x] += 1; }
__global__ void plain_negated_sum(const float* x, float* y) { y[threadIdx.x] = -(x[threadIdx.x] + 1.0f); }
__global__ void writes_half(Global<double> y) {
  if (threadIdx.x < 16) y[threadIdx.x] = 1.0;
}
__global__ void takes_from_absent_lane(Global<float> y) {
  if (threadIdx.x < 8) y[threadIdx.x] = __shfl_down_sync(0xFFU, 1.0f, 1) * 2.0f;
}

TEST(SimtFault, ReadsOfMemoryThatNothingHasWritten) {
  const Buffer<float> x(32);
  Buffer<float> y(32);
  Buffer<int> counts(32);
  EXPECT_HAS(
      fault_of(
          [&] { launch(Exec{}, {.name = "copy", .block = 32}, copies, global(x.span()), global(y.span())); }),
      "[copy] block (0,0,0), thread (0,0,0): element 0 of a buffer of 32 is read, but nothing has written "
      "it");
  EXPECT_HAS(
      fault_of([&] { launch(Exec{}, {.name = "count", .block = 32}, increments, global(counts.span())); }),
      "nothing has written it");
  const Scratch<double> sum(exec_on(Device::simt()), 1);
  EXPECT_HAS(
      fault_of([&] { launch(Exec{}, {.name = "round"}, rounds, global(sum.span()), global(y.span())); }),
      "nothing has written it");
}

TEST(SimtFault, UnwrittenMemoryIsSeenInTheResult) {
  const Buffer<float> x(32);
  Buffer<float> y(32);
  launch(Exec{}, {.name = "plain", .block = 32}, plain_negated_sum, x.span().data(), y.span().data());
  EXPECT_HAS(fault_of([&] { y.to_host(); }),
             "element 0 of a buffer of 32 was computed from memory that nothing");

  Buffer<double> half(32);
  launch(Exec{}, {.name = "half", .block = 32}, writes_half, global(half.span()));
  EXPECT_HAS(fault_of([&] { half.to_host(); }), "element 16 of a buffer of 32 is read, but nothing");

  Buffer<float> from_lane(8);
  launch(Exec{}, {.name = "lane", .block = 32}, takes_from_absent_lane, global(from_lane.span()));
  EXPECT_HAS(fault_of([&] { from_lane.to_host(); }), "element 7 of a buffer of 8 was computed from");
}

__global__ void sums_unwritten_shared(Global<float> y) {
  PRIMAL_SHARED(float, s, [2][33]);
  s[1][threadIdx.x] = 1.0f;
  __syncthreads();
  y[threadIdx.x] = s[1][threadIdx.x] + s[1][threadIdx.x + 1];
}
__global__ void adds_to_unwritten_scalar() {
  PRIMAL_SHARED(float, sum, );
  sum += 1.0f;
}
__global__ void reads_unwritten_dynamic(Global<int> y) {
  PRIMAL_DYNAMIC_SHARED(int, s);
  y[threadIdx.x] = s[threadIdx.x + 2];
}

TEST(SimtFault, ReadsOfSharedMemoryThatNothingHasWritten) {
  Buffer<float> y(32);
  Buffer<int> n(8);
  EXPECT_HAS(
      fault_of(
          [&] { launch(Exec{}, {.name = "sums", .block = 32}, sums_unwritten_shared, global(y.span())); }),
      "[sums] block (0,0,0), thread (31,0,0): s[1][32] is read, but nothing has written it, at simt_fault");
  EXPECT_HAS(fault_of([] { launch(Exec{}, {.name = "scalar", .block = 1}, adds_to_unwritten_scalar); }),
             "sum is read, but");
  EXPECT_HAS(fault_of([&] {
               launch(Exec{}, {.name = "dynamic", .block = 8, .shared_bytes = 40}, reads_unwritten_dynamic,
                      global(n.span()));
             }),
             "element 2 of shared memory of 10 is read, but");
}

template <class Tile>
__device__ float sum_of_row(const Tile& tile, unsigned row, int n) {
  float sum = 0.0f;
  for (int i = 0; i < n; ++i) sum += tile[row][i];
  return sum;
}
__global__ void sums_rows(Global<float> y, int n) {
  PRIMAL_SHARED(float, tile, [4][8]);
  for (int i = 0; i < 8; ++i) tile[threadIdx.x][i] = 1.0f;
  y[threadIdx.x] = sum_of_row(tile, threadIdx.x, n);
}
__global__ void writes_row(unsigned row) {
  PRIMAL_SHARED(double, tile, [4][8]);
  tile[row][0] = 1.0;
}
__global__ void beyond_dynamic(int i) {
  PRIMAL_DYNAMIC_SHARED(float, s);
  const auto second_half = s + 4;
  second_half[i] = 1.0f;
}

TEST(SimtFault, AccessOutsideADimensionOfSharedMemory) {
  Buffer<float> y(4);
  const auto rows = [&](int n) {
    return fault_of([&] { launch(Exec{}, {.name = "rows", .block = 4}, sums_rows, global(y.span()), n); });
  };
  EXPECT_EQ(rows(8), "no fault was reported");
  EXPECT_EQ(y.to_host(), std::vector<float>(4, 8.0f));
  EXPECT_HAS(rows(9),  // the next row, for a plain pointer
             "[rows] block (0,0,0), thread (0,0,0): index 8 is beyond the extent 8 of tile[0], at "
             "simt_fault_test.cpp:");
  EXPECT_HAS(fault_of([] { launch(Exec{}, {.name = "row", .block = 1}, writes_row, ~0U); }),
             "index 4294967295 is beyond the extent 4 of tile, at");
  const auto dynamic = [](int i) {
    return fault_of(
        [=] { launch(Exec{}, {.name = "half", .block = 1, .shared_bytes = 32}, beyond_dynamic, i); });
  };
  EXPECT_EQ(dynamic(3), "no fault was reported");
  EXPECT_HAS(dynamic(4), "writes element 8 of shared memory of 8, at simt_fault_test.cpp:");
  EXPECT_HAS(dynamic(-5), "writes element -1 of shared memory of 8");
}

// y = x reversed in shared memory; without a barrier, what a thread finds there depends on who came first.
template <bool with_barrier>
__global__ void reverses(Global<float> y) {
  PRIMAL_SHARED(float, s, [64]);
  s[threadIdx.x] = 0.0f;
  __syncthreads();
  s[threadIdx.x] = static_cast<float>(threadIdx.x);
  if constexpr (with_barrier) __syncthreads();
  y[threadIdx.x] = s[63 - threadIdx.x];
}

TEST(SimtFault, RaceThatChangesTheResultWithTheOrderOfThreads) {
  const auto run = [](auto kernel) {
    return same_in_all_orders("reverse", [&] {
      Buffer<float> y(64);
      launch(Exec{}, {.name = "reverse", .block = 64}, kernel, global(y.span()));
      return y.to_host();
    });
  };
  EXPECT_EQ(run(reverses<true>)[0], 63.0f);
  EXPECT_HAS(fault_of([&] { run(reverses<false>); }),
             "[reverse] the result changes with the order of the threads: element 0 of 64 differs between "
             "forward and reverse");
}

__global__ void blocks_race(Global<float> y) {
  if (threadIdx.x == 0) y[0] = static_cast<float>(blockIdx.x);
}

TEST(SimtFault, RaceBetweenBlocksOfACooperativeLaunch) {
  const auto run = [] {
    Buffer<float> y(1);
    launch(Exec{}, {.name = "last", .grid = 4, .block = 32, .cooperative = true}, blocks_race,
           global(y.span()));
    return y.to_host();
  };
  EXPECT_HAS(fault_of([&] { same_in_all_orders("last", run); }), "[last] the result changes");
}

__global__ void too_much_shared() {
  PRIMAL_SHARED(float, s, [12289]);
  s[threadIdx.x] = 0.0f;
}
__global__ void no_dynamic() {
  PRIMAL_DYNAMIC_SHARED(float, s);
  s[0] = 0.0f;
}

TEST(SimtFault, SharedMemoryThatIsNotThere) {
  EXPECT_HAS(fault_of([] { launch(Exec{}, {.name = "much", .block = 1}, too_much_shared); }),
             "49156 bytes of static shared");
  EXPECT_HAS(fault_of([] { launch(Exec{}, {.name = "none", .block = 1}, no_dynamic); }), ".shared_bytes = 0");
}

// Sanitized and debug builds have larger stacks.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(NDEBUG)
__global__ void large_frame(Global<int> y) {
  volatile char frame[56 << 10];
  for (volatile char& c : frame) c = static_cast<char>(threadIdx.x);
  y[threadIdx.x] = frame[17];
}

TEST(SimtFault, StackOfAThreadThatOverflows) {
  Buffer<int> y(1);
  EXPECT_HAS(fault_of([&] { launch(Exec{}, {.name = "deep", .block = 1}, large_frame, global(y.span())); }),
             "bytes of stack");
}
#endif

__global__ void faults_between_barriers(Global<float> y) {
  __syncthreads();
  if (threadIdx.x == 40) y[1000] = 0.0f;
  __syncthreads();
  y[threadIdx.x] = 1.0f;
}

TEST(SimtFault, LeavesTheEmulationUsable) {
  Buffer<float> y(64);
  for (int i = 0; i < 3; ++i) {
    EXPECT_HAS(fault_of([&] {
                 launch(Exec{}, {.name = "fault", .grid = 2, .block = 64}, faults_between_barriers,
                        global(y.span()));
               }),
               "[fault] block (0,0,0), thread (40,0,0): writes element 1000");
  }
  EXPECT_EQ(fault_of([] { __syncthreads(); }), "[simt] __syncthreads outside a kernel");
}

}  // namespace
}  // namespace primal::simt
